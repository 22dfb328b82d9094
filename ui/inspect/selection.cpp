// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/selection.h"

#include <algorithm>
#include <utility>

namespace fulgurite {
namespace {

// Steps of a walk that come closer than this are one step back.
constexpr qint64 kWalkMilliseconds = 800;
constexpr std::size_t kLongestHistory = 1000;

// What was undone goes when something new is done.
template <class T>
void push(std::vector<T>& history, std::size_t& at, T value) {
    history.resize(at + 1);
    history.push_back(std::move(value));
    if (history.size() > kLongestHistory)
        history.erase(history.begin());
    at = history.size() - 1;
}

} // namespace

void Selection::set(const InspectState& state, bool coalesce) {
    if (state == state_)
        return;
    const bool same_walk = coalesce && at_ > 0 && last_walk_.isValid() && last_walk_.elapsed() < kWalkMilliseconds;
    if (same_walk) {
        history_.resize(at_ + 1);
        history_[at_] = state;
    } else {
        push(history_, at_, state);
    }
    if (coalesce)
        last_walk_.start();
    else
        last_walk_.invalidate();
    show(state);
}

void Selection::show(const InspectState& state) {
    const InspectState before = std::exchange(state_, state);
    emit changed(state_, before);
    emit historyChanged();
}

void Selection::setQuery(std::optional<std::size_t> token, bool coalesce) {
    InspectState state = state_;
    state.query = token;
    // A token cannot look ahead.
    if (state.source && (!token || *state.source > *token))
        state.source.reset();
    set(state, coalesce);
}

void Selection::setSource(std::optional<std::size_t> token, bool coalesce) {
    InspectState state = state_;
    state.source = token;
    set(state, coalesce);
}

void Selection::setHead(std::optional<capture::HeadRef> head, bool coalesce) {
    InspectState state = state_;
    state.head = head;
    state.layer.reset();
    set(state, coalesce);
}

void Selection::setLayer(std::optional<int> layer) {
    InspectState state = state_;
    state.layer = layer;
    set(state);
}

void Selection::setExpert(std::optional<int> expert) {
    InspectState state = state_;
    state.expert = expert;
    set(state);
}

void Selection::back() {
    if (canGoBack())
        show(history_[--at_]);
}

void Selection::forward() {
    if (canGoForward())
        show(history_[++at_]);
}

void Selection::clear(const InspectState& start) {
    history_ = {start};
    at_ = 0;
    last_walk_.invalidate();
    tick_history_ = {{}};
    showTicks(0);
    show(start);
}

bool Selection::isTicked(capture::HeadRef head) const {
    return std::binary_search(ticked_.begin(), ticked_.end(), head);
}

void Selection::setTicked(std::vector<capture::HeadRef> heads) {
    std::sort(heads.begin(), heads.end());
    heads.erase(std::unique(heads.begin(), heads.end()), heads.end());
    if (heads == ticked_)
        return;
    push(tick_history_, tick_at_, std::move(heads));
    showTicks(tick_at_);
}

void Selection::toggleTicked(capture::HeadRef head) {
    std::vector<capture::HeadRef> heads = ticked_;
    if (isTicked(head))
        std::erase(heads, head);
    else
        heads.push_back(head);
    setTicked(std::move(heads));
}

void Selection::undoTicks() {
    if (canUndoTicks())
        showTicks(tick_at_ - 1);
}

void Selection::redoTicks() {
    if (canRedoTicks())
        showTicks(tick_at_ + 1);
}

void Selection::showTicks(std::size_t at) {
    tick_at_ = at;
    ticked_ = tick_history_[at];
    emit tickedChanged();
    emit historyChanged();
}

} // namespace fulgurite
