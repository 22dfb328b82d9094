// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/branch_layout.h"

#include "ui/base/format.h"

#include <QCoreApplication>
#include <QHash>

#include <algorithm>

namespace fulgurite {

std::vector<BranchPlace> layOutBranches(const QList<BranchNode>& nodes) {
    std::vector<BranchPlace> places(static_cast<std::size_t>(nodes.size()));
    QHash<std::int64_t, int> index;
    for (int i = 0; i < nodes.size(); ++i) {
        index.insert(nodes[i].id, i);
    }
    std::vector<int> roots;
    for (int i = 0; i < nodes.size(); ++i) {
        const int parent = nodes[i].parent == nodes[i].id ? -1 : index.value(nodes[i].parent, -1);
        places[static_cast<std::size_t>(i)].parent = parent;
        (parent < 0 ? roots : places[static_cast<std::size_t>(parent)].children).push_back(i);
    }
    // Conversations get thousands of turns deep: a stack of our own instead of recursion. Leaves take the next free
    // column, parents stand over the middle of their children.
    double next_column = 0;
    struct Visit {
        int node;
        std::size_t child;
    };
    for (const int root : roots) {
        std::vector<Visit> stack{{root, 0}};
        while (!stack.empty()) {
            Visit& visit = stack.back();
            BranchPlace& place = places[static_cast<std::size_t>(visit.node)];
            if (visit.child < place.children.size()) {
                const int child = place.children[visit.child++];
                places[static_cast<std::size_t>(child)].depth = place.depth + 1;
                stack.push_back({child, 0});
                continue;
            }
            if (place.children.empty()) {
                place.column = next_column++;
            } else {
                place.column = (places[static_cast<std::size_t>(place.children.front())].column +
                                places[static_cast<std::size_t>(place.children.back())].column) /
                               2;
            }
            stack.pop_back();
        }
    }
    return places;
}

QString reentryText(const BranchNode& node) {
    if (node.reentry_seconds < 0) {
        return QStringLiteral("–");
    }
    const auto say = [](const char* text) { return QCoreApplication::translate("BranchMap", text); };
    if (node.progress) {
        return say("prefilling, %1").arg(secondsText(node.reentry_seconds));
    }
    if (node.snapshot_held) {
        return say("snapshot, %1").arg(secondsText(node.reentry_seconds));
    }
    return say("replay %1").arg(secondsText(node.reentry_seconds));
}

} // namespace fulgurite
