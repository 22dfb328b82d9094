// SPDX-License-Identifier: GPL-3.0-or-later
// The evaluation of the collection's query sets: chart and table of one record, what each head is worth in it,
// which record repeats the numbers, and running it again with the settings of the page.
#pragma once

#include "core/client/retrieval_types.h"
#include "ui/retrieve/evaluation_model.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QPushButton;
class QStackedWidget;
class QTableView;

namespace fulgurite {

class EvaluationChart;
class HeadWorthChart;

class EvaluationPanel : public QWidget {
    Q_OBJECT

  public:
    EvaluationPanel(ThemeManager& themes, QWidget* parent = nullptr);

    // Newest first; `offer`: what can be evaluated, or why nothing can.
    void setEvaluations(const std::vector<client::Evaluation>& evaluations, const QString& offer, bool possible);
    void setJob(const std::optional<client::RetrievalJob>& job);
    void setAspects(int aspects); // of the query on the page
    void showHeads();             // what each is worth, where the record has it
    EvaluationModel& model() { return *model_; }
    EvaluationChart& chart() { return *chart_; }
    HeadWorthChart& headChart() { return *head_chart_; }
    bool leavesHeadsOut() const; // of the next run
    QTableView& table() { return *table_; }
    QWidget* controls() { return controls_; } // for the header of the card

  signals:
    void runWanted();
    void cancelWanted();

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void showRecord(int index);
    void showMetrics();
    void showView();
    void describe();
    void copyRecord();
    void contextMenu(const QPoint& at);

    ThemeManager& themes_;
    std::vector<client::Evaluation> evaluations_;
    EvaluationModel* model_;
    EvaluationChart* chart_;
    HeadWorthChart* head_chart_;
    QTableView* table_;
    QLabel* foot_;
    QLabel* offer_;
    QStackedWidget* stack_;
    QWidget* controls_;
    QComboBox* metrics_;
    QComboBox* records_;
    QCheckBox* heads_;
    QPushButton* run_;
    QPushButton* first_run_;
    QLabel* progress_;
    bool running_ = false;
};

} // namespace fulgurite
