// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/inspect_views.h"

#include "ui/inspect/ablation_view.h"
#include "ui/inspect/attention_view.h"
#include "ui/inspect/cost_view.h"
#include "ui/inspect/decay_view.h"
#include "ui/inspect/head_table_view.h"
#include "ui/inspect/layer_maps.h"
#include "ui/inspect/lens_panel.h"
#include "ui/inspect/routing_view.h"
#include "ui/inspect/token_strip.h"

namespace fulgurite {

std::vector<PlacedView> makeInspectViews(const InspectServices& services) {
    return {{InspectSlot::Strip, new TokenStrip(services)},     {InspectSlot::Left, new DecayView(services)},
            {InspectSlot::Center, new AttentionView(services)}, {InspectSlot::Right, new HeadTableView(services)},
            {InspectSlot::Bottom, new RoutingView(services)},   {InspectSlot::Tab, new LayerMapsView(services)},
            {InspectSlot::Tab, new LensPanel(services)},        {InspectSlot::Tab, new AblationView(services)},
            {InspectSlot::Tab, new CostView(services)}};
}

} // namespace fulgurite
