// SPDX-License-Identifier: GPL-3.0-or-later
// The evaluation tab: recall of each stage and of the last encoder alone on the library's own captions, with
// intervals, lifetime factor and cold time, and the front of recall over factor.
#pragma once

#include "core/client/cascade_types.h"

#include <QWidget>

#include <memory>
#include <optional>

class QLabel;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QTableView;

namespace fulgurite::client {
class HttpCall;
}

namespace fulgurite {

class CascadeSearch;
class LinePlot;
class ThemeManager;

class EvaluationView : public QWidget {
    Q_OBJECT

  public:
    EvaluationView(ThemeManager& themes, CascadeSearch& search);

    void run();
    bool running() const { return call_ != nullptr; }
    const std::optional<client::RecallReport>& evaluation() const { return evaluation_; }

  signals:
    void finished();

  private:
    void showState();
    void showEvaluation();

    ThemeManager& themes_;
    CascadeSearch& search_;
    QSpinBox* captions_;
    QPushButton* run_;
    QProgressBar* bar_;
    QLabel* note_;
    QTableView* table_;
    LinePlot* front_;
    std::shared_ptr<client::HttpCall> call_;
    quint64 asked_ = 0;
    std::optional<client::RecallReport> evaluation_;
};

} // namespace fulgurite
