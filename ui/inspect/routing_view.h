// SPDX-License-Identifier: GPL-3.0-or-later
// The panel of the experts: the routing as a timeline, the load beside it, and the text of a chosen expert.
#pragma once

#include "ui/inspect/captured_texts.h"
#include "ui/inspect/inspect_view.h"
#include "ui/inspect/routing_store.h"

class QComboBox;
class QLabel;
class QSplitter;

namespace fulgurite {

class ExpertLoad;
class ExpertReader;
class RoutingTimeline;

class RoutingView : public InspectView {
    Q_OBJECT

  public:
    explicit RoutingView(const InspectServices& services);

    RoutingTimeline& timeline() { return *timeline_; }
    ExpertLoad& load() { return *load_; }
    ExpertReader& reader() { return *reader_; }

  protected:
    void sourceChanged() override;
    void selectionChanged(const InspectState& now, const InspectState& before) override;

  private:
    void makeRanks(int top_k);
    void showLoad();
    void chooseExpert(std::optional<int> expert);

    RoutingStore store_;
    CapturedTexts texts_;
    RoutingTimeline* timeline_;
    ExpertLoad* load_;
    ExpertReader* reader_;
    QSplitter* splitter_;
    QComboBox* least_;
    QWidget* ranks_ = nullptr;
    QLabel* summary_;
    QLabel* legend_;
    Question summary_question_ = 0;
    std::optional<capture::RoutingSummary> figures_;
};

} // namespace fulgurite
