// SPDX-License-Identifier: GPL-3.0-or-later
// The routing of a capture in pieces, fetched as they are looked at and kept while there is room.
#pragma once

#include "core/base/error.h"
#include "ui/inspect/routing_image.h"

#include <QObject>

#include <map>
#include <set>

namespace fulgurite {

class InspectionSource;

class RoutingStore : public QObject {
    Q_OBJECT

  public:
    static constexpr std::size_t kChunk = 2048; // tokens

    using QObject::QObject;

    void setSource(InspectionSource* source);
    std::size_t tokens() const { return tokens_; }
    std::size_t chunkCount() const { return (tokens_ + kChunk - 1) / kChunk; }
    // Null while it is not there.
    RoutingChunk chunk(std::size_t index);
    RoutingChunk chunkOf(std::size_t token) { return chunk(token / kChunk); }
    // All chunks under [first, last), or nothing while one of them is missing.
    std::vector<RoutingChunk> chunks(std::size_t first, std::size_t last);
    // What is needed, most important first; replaces what was wanted before. Answers come as arrived().
    void want(const std::vector<std::size_t>& chunks);
    bool waiting() const { return !asked_.empty() || !queue_.empty(); }

  signals:
    void arrived(std::size_t chunk);
    void failed(const fulgurite::Error& error);

  private:
    static constexpr std::size_t kMostAsked = 3;
    static constexpr std::size_t kMostBytes = std::size_t{320} << 20;

    void pump();
    void keep(std::size_t index, RoutingChunk chunk);

    struct Held {
        RoutingChunk chunk;
        quint64 used = 0;
        std::size_t bytes = 0;
    };

    InspectionSource* source_ = nullptr;
    std::size_t tokens_ = 0;
    quint64 generation_ = 0;
    quint64 clock_ = 0;
    std::size_t bytes_ = 0;
    std::map<std::size_t, Held> held_;
    std::vector<std::size_t> queue_; // the next at the end
    std::set<std::size_t> asked_;
};

} // namespace fulgurite
