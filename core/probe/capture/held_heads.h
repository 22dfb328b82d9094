// SPDX-License-Identifier: Apache-2.0
// Which heads a capture holds queries, keys, values and outputs of: whole layers, or chosen heads of a layer.
#pragma once

#include "core/probe/capture/views.h"

#include <span>
#include <vector>

namespace fulgurite::capture {

// Heads of an attention layer in the order of its arrays, rising; empty for a layer that is none.
std::vector<int> heldHeads(const CaptureInfo& info, int layer);
// Key/value heads that those read, in the order of k and v, rising: a lightning head its own, of softmax heads
// those of their groups.
std::vector<int> heldKeys(const CaptureInfo& info, int layer);
bool holdsHead(const CaptureInfo& info, HeadRef head);
// How many over all layers.
std::size_t heldCount(const CaptureInfo& info);

// Sets attention_layers and attention_heads to these whole layers and these heads; a layer whose heads are all
// there counts as whole. In any order, repeated or not; they must exist in info.config.
void holdHeads(CaptureInfo& info, std::span<const int> layers, std::span<const HeadRef> heads);

} // namespace fulgurite::capture
