// SPDX-License-Identifier: GPL-3.0-or-later
// The strip over the other panels: the whole text as a band, and the lines around the query.
#pragma once

#include "ui/inspect/inspect_view.h"

namespace fulgurite {

class OverviewBand;
class TokenText;
class CapturedTexts;

class TokenStrip : public InspectView {
    Q_OBJECT

  public:
    explicit TokenStrip(const InspectServices& services);
    TokenText& text() { return *text_; }
    OverviewBand& band() { return *band_; }

  protected:
    void sourceChanged() override;
    void decayChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;

  private:
    void askRow();
    void showRate();

    CapturedTexts* texts_;
    OverviewBand* band_;
    TokenText* text_;
    Question row_asked_ = 0;
};

} // namespace fulgurite
