// SPDX-License-Identifier: GPL-3.0-or-later
// What stands in the filter field of the head table: terms that must all hold.
//
//   kind:L  kind:S        lightning or softmax
//   layer:3-5,8  head:0-7 numbers and ranges
//   half>100  gate<=0.5   a figure by its key; > >= < <= =
//   abs(effect)>0.15      its size
//   ticked                ticked heads
//   !TERM                 not this
#pragma once

#include "core/probe/capture/views.h"

#include <QString>

#include <functional>
#include <vector>

namespace fulgurite {

class HeadFilter {
  public:
    using Ticked = std::function<bool(capture::HeadRef)>;

    // Never throws: error() tells what was not understood, and the filter then lets everything pass.
    static HeadFilter parse(const QString& text);

    const QString& error() const { return error_; }
    bool empty() const { return terms_.empty(); }
    // A figure that was not captured (NaN) passes no comparison.
    bool passes(const capture::HeadFigures& figures, const Ticked& ticked) const;

  private:
    using Term = std::function<bool(const capture::HeadFigures&, const Ticked&)>;
    static Term parseTerm(const QString& text, QString& error);

    std::vector<Term> terms_;
    QString error_;
};

} // namespace fulgurite
