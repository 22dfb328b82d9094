// SPDX-License-Identifier: GPL-3.0-or-later
// Which heads take part in the vote, with a history of its own.
#pragma once

#include <QObject>

#include <cstdint>
#include <vector>

namespace fulgurite {

class HeadChoice : public QObject {
    Q_OBJECT

  public:
    using QObject::QObject;

    // Forgets everything; all heads are on.
    void reset(std::size_t heads);
    const std::vector<std::uint8_t>& on() const { return on_; } // 1 or 0 for each
    std::size_t size() const { return on_.size(); }
    bool isOn(std::size_t head) const { return head < on_.size() && on_[head] != 0; }
    std::size_t off() const; // how many are off

    // Each is one step of the history.
    void set(std::vector<std::uint8_t> on);
    void toggle(std::size_t head);
    void switchOff(const std::vector<std::size_t>& heads);
    void solo(std::size_t head); // it alone; again: all
    void all();
    void none();
    void invert();
    void top(const std::vector<double>& scores, std::size_t count); // the highest scores

    // What is painted until endStroke() is one step.
    void paint(std::size_t head, bool on);
    void endStroke();

    bool canUndo() const { return at_ > 0; }
    bool canRedo() const { return at_ + 1 < history_.size(); }
    void undo();
    void redo();

  signals:
    void changed();

  private:
    void keep();
    void show(std::size_t at);

    std::vector<std::uint8_t> on_;
    std::vector<std::vector<std::uint8_t>> history_{{}};
    std::size_t at_ = 0;
};

} // namespace fulgurite
