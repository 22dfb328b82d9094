// SPDX-License-Identifier: GPL-3.0-or-later
// The one selection of the Inspect page: query token, source token, head, layer, expert. Every view shows it and
// every view may change it; back and forward walk through what was selected.
#pragma once

#include "core/probe/capture/views.h"

#include <QElapsedTimer>
#include <QObject>

#include <optional>
#include <vector>

namespace fulgurite {

struct InspectState {
    std::optional<std::size_t> query;  // token whose row is shown
    std::optional<std::size_t> source; // token it looks at
    std::optional<capture::HeadRef> head;
    std::optional<int> layer;  // without a head: routing, lens
    std::optional<int> expert; // of `layer`, or of every layer when that is unset
    bool operator==(const InspectState&) const = default;
};

class Selection : public QObject {
    Q_OBJECT

  public:
    using QObject::QObject;

    const InspectState& state() const { return state_; }
    // Each change is a step of the history unless it follows the last within `coalesce` (walking with an arrow
    // key).
    void set(const InspectState& state, bool coalesce = false);
    void setQuery(std::optional<std::size_t> token, bool coalesce = false);
    void setSource(std::optional<std::size_t> token, bool coalesce = false);
    void setHead(std::optional<capture::HeadRef> head, bool coalesce = false);
    void setLayer(std::optional<int> layer);
    void setExpert(std::optional<int> expert);

    bool canGoBack() const { return at_ > 0; }
    bool canGoForward() const { return at_ + 1 < history_.size(); }
    void back();
    void forward();
    // Nothing selected, nothing ticked, no history: another capture was opened. `start` is what it begins with.
    void clear(const InspectState& start = {});

    // Heads ticked for ablation, in rising order; kept beside the selection with an undo of their own.
    const std::vector<capture::HeadRef>& ticked() const { return ticked_; }
    bool isTicked(capture::HeadRef head) const;
    void setTicked(std::vector<capture::HeadRef> heads);
    void toggleTicked(capture::HeadRef head);
    bool canUndoTicks() const { return tick_at_ > 0; }
    bool canRedoTicks() const { return tick_at_ + 1 < tick_history_.size(); }
    void undoTicks();
    void redoTicks();

  signals:
    void changed(const fulgurite::InspectState& now, const fulgurite::InspectState& before);
    void historyChanged(); // what back and forward can do
    void tickedChanged();

  private:
    void show(const InspectState& state);
    void showTicks(std::size_t at);

    InspectState state_;
    std::vector<InspectState> history_{InspectState{}};
    std::size_t at_ = 0;
    QElapsedTimer last_walk_; // since the last step that may be coalesced
    std::vector<capture::HeadRef> ticked_;
    std::vector<std::vector<capture::HeadRef>> tick_history_{{}};
    std::size_t tick_at_ = 0;
};

} // namespace fulgurite
