// SPDX-License-Identifier: GPL-3.0-or-later
// From a step to its completions, from a completion to its tokens: the dock under the charts.
#pragma once

#include "ui/train/rollout_data.h"
#include "ui/train/run_feed.h"
#include "ui/train/token_flow.h"

#include <QWidget>

class QComboBox;
class QLabel;
class QSplitter;

namespace fulgurite {

class AnswerTable;
class RatioStrip;
class ThemeManager;
class TokenInspector;

class RolloutPanel : public QWidget {
    Q_OBJECT

  public:
    RolloutPanel(ThemeManager& themes, RunFeed& feed, QWidget* parent = nullptr);

    // The samples of the step nearest to `step`; without a place the first group whose rewards differ.
    void open(qint64 run, qint64 step, int place = -1);
    void clear();
    void setColor(TokenColor by);

    qint64 run() const { return run_; }
    const AnswerGroup& group() const { return *group_; }
    AnswerTable& answers() { return *answers_; }
    TokenFlow& flow() { return *flow_; }
    TokenInspector& inspector() { return *inspector_; }

    // What the run's rule did to the tokens of an answer, and what another would have done.
    static QString boundText(const Answer& answer, const QString& algorithm, const RuleSettings& rules);

  signals:
    void opened(); // the answers are there, or it is said that there are none

  private:
    void build();
    void takeSteps(const std::vector<std::pair<std::int64_t, std::int64_t>>& steps);
    void takeGroup(AnswerGroup group);
    void chooseAnswer(int row);
    void chooseToken(int token);
    void setBeside(int row);
    void showSummary();

    ThemeManager& themes_;
    RunFeed& feed_;
    qint64 run_ = 0;
    quint64 asked_ = 0;
    std::shared_ptr<const AnswerGroup> group_ = std::make_shared<const AnswerGroup>();
    QString algorithm_; // of the run, in small letters
    RuleSettings rules_;
    int row_ = -1;
    int beside_ = -1;
    bool filling_ = false;
    QLabel* path_;
    QComboBox* steps_;
    QComboBox* prompts_;
    QLabel* prompt_;
    QLabel* summary_;
    AnswerTable* answers_;
    TokenFlow* flow_;
    TokenFlow* other_; // set beside
    QWidget* other_box_;
    QLabel* other_title_;
    RatioStrip* strip_;
    TokenInspector* inspector_;
};

} // namespace fulgurite
