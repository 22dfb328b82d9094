// SPDX-License-Identifier: GPL-3.0-or-later
// Where the Inspect page gets its arrays: an engine's capture over the protocol, or a capture file that is opened
// without one. All calls return at once; answers come on the window's thread, never after the source is destroyed.
#pragma once

#include "core/base/error.h"
#include "core/client/engine_types.h"
#include "core/probe/capture/tile.h"
#include "core/probe/capture/views.h"

#include <QObject>

#include <functional>
#include <memory>

namespace fulgurite {

class InspectionSource : public QObject {
    Q_OBJECT

  public:
    template <class T>
    using Answer = std::function<void(client::Outcome<T>)>;

    using QObject::QObject;

    virtual const capture::CaptureInfo& info() const = 0;
    virtual QString name() const = 0; // of the file, or of the answer it was taken from

    virtual void tokens(std::size_t first, std::size_t count, Answer<std::vector<capture::CapturedToken>>) = 0;
    virtual void row(capture::HeadRef head, std::size_t position, Answer<capture::AttentionRow>) = 0;
    // A rectangle of a map. A row_step of more than 1 makes far views of long texts quick, and the tile says so.
    virtual void tile(capture::HeadRef head, const capture::TileRequest& request,
                      Answer<capture::AttentionTile>) = 0;
    // One map of the whole text for each head of a layer that is held, at most `side` cells a side.
    virtual void thumbnails(int layer, std::size_t side, Answer<std::vector<capture::AttentionTile>>) = 0;
    // The figures at `position`, or at the nearest captured position before it.
    virtual void heads(std::size_t position, Answer<capture::HeadTable>) = 0;
    virtual void routing(std::size_t first, std::size_t count, Answer<capture::RoutingSlice>) = 0;
    virtual void routingSummary(Answer<capture::RoutingSummary>) = 0;
    virtual void lens(std::size_t position, Answer<capture::LensView>) = 0;
    // A copy of the capture file, written whole or not at all; answers with its path.
    virtual void saveAs(const QString& path, Answer<QString>) = 0;
};

} // namespace fulgurite
