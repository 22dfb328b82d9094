// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/head_choice.h"

#include <algorithm>
#include <numeric>

namespace fulgurite {

void HeadChoice::reset(std::size_t heads) {
    on_.assign(heads, 1);
    history_ = {on_};
    at_ = 0;
    emit changed();
}

std::size_t HeadChoice::off() const {
    return static_cast<std::size_t>(std::count(on_.begin(), on_.end(), std::uint8_t{0}));
}

void HeadChoice::set(std::vector<std::uint8_t> on) {
    if (on.size() != on_.size() || on == on_) {
        return;
    }
    on_ = std::move(on);
    keep();
    emit changed();
}

void HeadChoice::toggle(std::size_t head) {
    std::vector<std::uint8_t> on = on_;
    if (head < on.size()) {
        on[head] = on[head] == 0 ? 1 : 0;
    }
    set(std::move(on));
}

void HeadChoice::switchOff(const std::vector<std::size_t>& heads) {
    std::vector<std::uint8_t> on = on_;
    for (const std::size_t head : heads) {
        if (head < on.size()) {
            on[head] = 0;
        }
    }
    set(std::move(on));
}

void HeadChoice::solo(std::size_t head) {
    std::vector<std::uint8_t> alone(on_.size(), 0);
    if (head < alone.size()) {
        alone[head] = 1;
    }
    set(alone == on_ ? std::vector<std::uint8_t>(on_.size(), 1) : std::move(alone));
}

void HeadChoice::all() {
    set(std::vector<std::uint8_t>(on_.size(), 1));
}

void HeadChoice::none() {
    set(std::vector<std::uint8_t>(on_.size(), 0));
}

void HeadChoice::invert() {
    std::vector<std::uint8_t> on = on_;
    for (std::uint8_t& each : on) {
        each = each == 0 ? 1 : 0;
    }
    set(std::move(on));
}

void HeadChoice::top(const std::vector<double>& scores, std::size_t count) {
    if (scores.size() != on_.size()) {
        return;
    }
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&scores](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    std::vector<std::uint8_t> on(on_.size(), 0);
    for (std::size_t i = 0; i < std::min(count, order.size()); ++i) {
        on[order[i]] = 1;
    }
    set(std::move(on));
}

void HeadChoice::paint(std::size_t head, bool on) {
    if (head >= on_.size() || isOn(head) == on) {
        return;
    }
    on_[head] = on ? 1 : 0;
    emit changed();
}

void HeadChoice::endStroke() {
    if (on_ != history_[at_]) {
        keep();
        emit changed(); // there is something to undo now
    }
}

void HeadChoice::keep() {
    history_.resize(at_ + 1);
    history_.push_back(on_);
    ++at_;
}

void HeadChoice::show(std::size_t at) {
    at_ = at;
    on_ = history_[at];
    emit changed();
}

void HeadChoice::undo() {
    if (canUndo()) {
        show(at_ - 1);
    }
}

void HeadChoice::redo() {
    if (canRedo()) {
        show(at_ + 1);
    }
}

} // namespace fulgurite
