// SPDX-License-Identifier: Apache-2.0
#include "core/probe/capture/held_heads.h"

#include "core/probe/capture/row.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace fulgurite::capture {

std::vector<int> heldHeads(const CaptureInfo& info, int layer) {
    if (!std::binary_search(info.attention_layers.begin(), info.attention_layers.end(), layer)) {
        return {};
    }
    if (const auto chosen = info.attention_heads.find(layer); chosen != info.attention_heads.end()) {
        return chosen->second;
    }
    std::vector<int> all(static_cast<std::size_t>(info.config.num_heads));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

std::vector<int> heldKeys(const CaptureInfo& info, int layer) {
    std::vector<int> keys;
    for (const int head : heldHeads(info, layer)) { // rising, and so are the groups
        if (const int key = keyHead(info.config, layer, head); keys.empty() || keys.back() != key) {
            keys.push_back(key);
        }
    }
    return keys;
}

bool holdsHead(const CaptureInfo& info, HeadRef head) {
    const std::vector<int> held = heldHeads(info, head.layer);
    return std::binary_search(held.begin(), held.end(), head.head);
}

std::size_t heldCount(const CaptureInfo& info) {
    std::size_t count = 0;
    for (const int layer : info.attention_layers) {
        count += heldHeads(info, layer).size();
    }
    return count;
}

void holdHeads(CaptureInfo& info, std::span<const int> layers, std::span<const HeadRef> heads) {
    const std::set<int> whole(layers.begin(), layers.end());
    std::map<int, std::set<int>> chosen;
    for (const HeadRef head : heads) {
        if (!whole.contains(head.layer)) {
            chosen[head.layer].insert(head.head);
        }
    }
    std::set<int> all = whole;
    info.attention_heads.clear();
    for (const auto& [layer, some] : chosen) {
        all.insert(layer);
        if (some.size() < static_cast<std::size_t>(info.config.num_heads)) {
            info.attention_heads[layer].assign(some.begin(), some.end());
        }
    }
    info.attention_layers.assign(all.begin(), all.end());
}

} // namespace fulgurite::capture
