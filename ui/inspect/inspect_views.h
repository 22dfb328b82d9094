// SPDX-License-Identifier: GPL-3.0-or-later
// The views of the Inspect page and where they stand. A new view is a class of its own and a line in
// inspect_views.cpp.
#pragma once

#include "ui/inspect/inspect_view.h"

#include <vector>

namespace fulgurite {

// Of the board: rows 44 | 132 | 428 | rest, columns 366 | rest | 450. Tabs stand beside the board, each a page of
// its own with the view's title.
enum class InspectSlot { Strip, Left, Center, Right, Bottom, Tab };

struct PlacedView {
    InspectSlot slot = InspectSlot::Tab;
    InspectView* view = nullptr; // goes to the page
};

// One view for each slot of the board at most; tabs in order.
std::vector<PlacedView> makeInspectViews(const InspectServices& services);

} // namespace fulgurite
