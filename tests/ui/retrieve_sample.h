// SPDX-License-Identifier: GPL-3.0-or-later
// Replies of a search as plain data, for tests and benches of the Retrieve page's widgets without an engine.
#pragma once

#include "core/client/retrieval_types.h"

#include <cstdint>
#include <memory>

namespace fulgurite::test {

// Four documents and two heads: A (1,0) (0,2), B (0.6,0.8) (2,0), C (0,1) (1,1), D (-1,0) (0,-1), asked with
// (0.8,0.6) (1,0.5), four nearest of each head; the standard vector ranks B, A, C, D.
std::shared_ptr<client::SearchReply> workedExample();
std::shared_ptr<client::DocumentColumns> workedTitles();

// `documents` documents, `heads` heads that each name `depth` of them, drawn at random.
std::shared_ptr<client::SearchReply> randomReply(std::size_t documents, std::size_t heads, std::size_t depth,
                                                 std::uint32_t seed);
std::shared_ptr<client::DocumentColumns> randomTitles(std::size_t documents);
std::shared_ptr<client::HeadStatistics> randomStatistics(std::size_t heads, std::uint32_t seed);
std::shared_ptr<client::Projection> randomProjection(int head, std::size_t documents, std::uint32_t seed);

} // namespace fulgurite::test
