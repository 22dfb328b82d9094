// SPDX-License-Identifier: GPL-3.0-or-later
// Where the nodes of a tree of branches stand: depth downwards, children side by side under their parent.
#pragma once

#include "ui/prompt/transcript_types.h"

#include <QList>
#include <QPointF>

#include <vector>

namespace fulgurite {

struct BranchPlace {
    int depth = 0;
    double column = 0; // in widths of a node
    int parent = -1;   // index
    std::vector<int> children;
};

// Same order as `nodes`; a node whose parent is missing stands as a root. Ids must be unique.
std::vector<BranchPlace> layOutBranches(const QList<BranchNode>& nodes);

// "snapshot, 2 ms", "replay 3.1 s", "prefilling, 1.2 s"; "–" where nobody knows.
QString reentryText(const BranchNode& node);

} // namespace fulgurite
