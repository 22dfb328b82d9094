// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/inspect_views.h"

#include "ui/inspect/decay_view.h"
#include "ui/inspect/head_table_view.h"
#include "ui/inspect/token_strip.h"

namespace fulgurite {

std::vector<PlacedView> makeInspectViews(const InspectServices& services) {
    return {{InspectSlot::Strip, new TokenStrip(services)},
            {InspectSlot::Left, new DecayView(services)},
            {InspectSlot::Right, new HeadTableView(services)}};
}

} // namespace fulgurite
