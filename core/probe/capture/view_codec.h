// SPDX-License-Identifier: Apache-2.0
// Views as they travel between an engine and a window: safetensors bytes whose metadata holds the kind of view
// (`view`) and its scalars as JSON (`json`). docs/formats/capture.md lists the arrays.
#pragma once

#include "core/probe/capture/comparison.h"
#include "core/probe/capture/views.h"

#include <span>
#include <string>
#include <vector>

namespace fulgurite::capture {

std::string encode(const std::vector<CapturedToken>& tokens);
std::string encode(const AttentionRow& row);
std::string encode(const AttentionTile& tile);
std::string encode(const std::vector<AttentionTile>& tiles); // thumbnails
std::string encode(const HeadTable& table);
std::string encode(const RoutingSlice& slice);
std::string encode(const RoutingSummary& summary);
std::string encode(const LensView& view);
std::string encode(const TokenComparison& comparison);

// Each refuses what is not its view: Error{Corrupt} that names `name` (the sender), the array or the field.
std::vector<CapturedToken> decodeTokens(std::span<const std::byte> bytes, const std::string& name);
AttentionRow decodeRow(std::span<const std::byte> bytes, const std::string& name);
AttentionTile decodeTile(std::span<const std::byte> bytes, const std::string& name);
std::vector<AttentionTile> decodeTiles(std::span<const std::byte> bytes, const std::string& name);
HeadTable decodeHeads(std::span<const std::byte> bytes, const std::string& name);
RoutingSlice decodeRouting(std::span<const std::byte> bytes, const std::string& name);
RoutingSummary decodeRoutingSummary(std::span<const std::byte> bytes, const std::string& name);
LensView decodeLens(std::span<const std::byte> bytes, const std::string& name);
TokenComparison decodeComparison(std::span<const std::byte> bytes, const std::string& name);

// JSON, since it holds no arrays: what GET captures and GET captures/ID answer.
std::string encode(const CaptureInfo& info);
CaptureInfo decodeInfo(std::string_view json, const std::string& name);

} // namespace fulgurite::capture
