// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/rollout_panel.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/train/answer_table.h"
#include "ui/train/ratio_strip.h"
#include "ui/train/token_inspector.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QVBoxLayout>

#include <algorithm>
#include <array>

namespace fulgurite {
namespace {

QScrollArea* scrolled(QWidget* inside) {
    auto* area = new QScrollArea;
    area->setFrameShape(QFrame::NoFrame);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setWidgetResizable(true);
    inside->setProperty("scrollBody", true);
    area->setFocusPolicy(Qt::NoFocus);
    area->setWidget(inside);
    return area;
}

} // namespace

RolloutPanel::RolloutPanel(ThemeManager& themes, RunFeed& feed, QWidget* parent)
    : QWidget(parent), themes_(themes), feed_(feed) {
    setObjectName(QStringLiteral("rollouts"));
    setAccessibleName(tr("Rollouts"));
    build();
    connect(answers_, &AnswerTable::answerChosen, this, &RolloutPanel::chooseAnswer);
    connect(answers_, &AnswerTable::besideWanted, this, &RolloutPanel::setBeside);
    connect(flow_, &TokenFlow::currentChanged, this, &RolloutPanel::chooseToken);
    connect(strip_, &RatioStrip::tokenChosen, flow_, &TokenFlow::setCurrent);
    const auto again = [this] {
        if (!filling_ && run_ != 0) {
            open(run_, steps_->currentData().toLongLong(), std::max(0, prompts_->currentIndex()));
        }
    };
    connect(steps_, &QComboBox::currentIndexChanged, this, again);
    connect(prompts_, &QComboBox::currentIndexChanged, this, again);
    clear();
}

void RolloutPanel::build() {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* head = new QFrame;
    head->setProperty("surface", "panelHeader");
    auto* row = new QHBoxLayout(head);
    row->setContentsMargins(10, 2, 8, 2);
    row->setSpacing(8);
    path_ = new QLabel;
    path_->setProperty("tone", "strong");
    steps_ = new QComboBox;
    steps_->setAccessibleName(tr("Step"));
    prompts_ = new QComboBox;
    prompts_->setAccessibleName(tr("Prompt"));
    prompt_ = new QLabel;
    prompt_->setTextFormat(Qt::PlainText);
    prompt_->setFont(themes_.codeFont(12));
    prompt_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    row->addWidget(path_);
    row->addWidget(steps_);
    row->addWidget(prompts_);
    row->addWidget(prompt_, 1);
    auto* colour = new QLabel(tr("Colour by"));
    colour->setProperty("tone", "muted");
    row->addWidget(colour);
    auto* group = new QButtonGroup(this);
    const std::array names{tr("Ratio"), tr("log p"), tr("Entropy")};
    auto* segments = new QHBoxLayout;
    segments->setSpacing(0);
    for (int i = 0; i < 3; ++i) {
        auto* button = new QPushButton(names[static_cast<std::size_t>(i)]);
        button->setProperty("kind", "segment");
        button->setProperty("segment", i == 0 ? "first" : i == 2 ? "last" : "middle");
        button->setCheckable(true);
        button->setChecked(i == 0);
        group->addButton(button, i);
        segments->addWidget(button);
    }
    row->addLayout(segments);
    connect(group, &QButtonGroup::idClicked, this, [this](int id) { setColor(static_cast<TokenColor>(id)); });
    column->addWidget(head);

    answers_ = new AnswerTable(themes_);
    flow_ = new TokenFlow(themes_);
    other_ = new TokenFlow(themes_);
    other_->setAccessibleName(tr("Tokens of the answer beside it"));
    strip_ = new RatioStrip(themes_);
    inspector_ = new TokenInspector(themes_);
    summary_ = new QLabel;
    summary_->setProperty("tone", "small");
    other_title_ = new QLabel;
    other_title_->setProperty("tone", "small");

    auto* middle = new QWidget;
    auto* tokens = new QVBoxLayout(middle);
    tokens->setContentsMargins(10, 6, 10, 4);
    tokens->setSpacing(4);
    tokens->addWidget(summary_);
    auto* flows = new QSplitter(Qt::Horizontal);
    flows->addWidget(scrolled(flow_));
    other_box_ = new QWidget;
    auto* beside = new QVBoxLayout(other_box_);
    beside->setContentsMargins(8, 0, 0, 0);
    beside->addWidget(other_title_);
    beside->addWidget(scrolled(other_), 1);
    flows->addWidget(other_box_);
    tokens->addWidget(flows, 1);
    tokens->addWidget(strip_);

    auto* parts = new QSplitter(Qt::Horizontal);
    parts->setObjectName(QStringLiteral("rollout-parts"));
    parts->addWidget(answers_);
    parts->addWidget(middle);
    parts->addWidget(scrolled(inspector_));
    parts->setStretchFactor(1, 1);
    parts->setSizes({themes_.scaled(330), themes_.scaled(500), themes_.scaled(226)});
    column->addWidget(parts, 1);
}

void RolloutPanel::clear() {
    ++asked_;
    run_ = 0;
    group_ = std::make_shared<const AnswerGroup>();
    row_ = beside_ = -1;
    path_->setText(tr("Rollouts"));
    prompt_->setText(
        tr("Double-click a point of a curve, or press O at the cursor, to read what was written there."));
    for (QWidget* each : {static_cast<QWidget*>(steps_), static_cast<QWidget*>(prompts_), other_box_}) {
        each->hide();
    }
    answers_->answers().setGroup(group_);
    flow_->setAnswer({}, rules_.cispo_cap);
    strip_->setAnswer({}, rules_.cispo_cap);
    summary_->clear();
}

void RolloutPanel::open(qint64 run, qint64 step, int place) {
    const quint64 mine = ++asked_;
    const bool other_run = std::exchange(run_, run) != run;
    if (const RunInfo* info = feed_.run(run)) {
        rules_ = ruleSettings(*info);
        path_->setText(info->name);
        algorithm_ = info->algorithm.toLower();
    }
    if (other_run) {
        feed_.ask<std::vector<std::pair<std::int64_t, std::int64_t>>>(
            this, [run](RunReader& reader) { return reader.sampleSteps(run); },
            [this, mine](const std::vector<std::pair<std::int64_t, std::int64_t>>& steps) {
                if (mine == asked_) {
                    takeSteps(steps);
                }
            });
    }
    feed_.ask<AnswerGroup>(
        this, [run, step, place](RunReader& reader) { return readAnswers(reader, run, step, place); },
        [this, mine](AnswerGroup group) {
            if (mine == asked_) {
                takeGroup(std::move(group));
            }
        });
}

void RolloutPanel::takeSteps(const std::vector<std::pair<std::int64_t, std::int64_t>>& steps) {
    filling_ = true;
    steps_->clear();
    for (const auto& [step, count] : steps) {
        steps_->addItem(tr("step %1").arg(grouped(step)), QVariant::fromValue<qint64>(step));
        steps_->setItemData(steps_->count() - 1, tr("%1 completions").arg(count), Qt::ToolTipRole);
    }
    steps_->setVisible(!steps.empty());
    filling_ = false;
}

void RolloutPanel::takeGroup(AnswerGroup group) {
    group_ = std::make_shared<const AnswerGroup>(std::move(group));
    filling_ = true;
    steps_->setCurrentIndex(steps_->findData(QVariant::fromValue<qint64>(group_->step)));
    if (prompts_->count() != group_->groups) {
        prompts_->clear();
        for (int i = 0; i < group_->groups; ++i) {
            prompts_->addItem(tr("prompt %1 of %2").arg(i + 1).arg(group_->groups));
        }
    }
    prompts_->setCurrentIndex(group_->place);
    prompts_->setVisible(group_->groups > 0);
    filling_ = false;
    beside_ = -1;
    other_box_->hide();
    answers_->answers().setGroup(group_);
    if (group_->answers.empty()) {
        prompt_->setText(tr("This run keeps no completions."));
        chooseAnswer(-1);
    } else {
        prompt_->setText(QString(group_->answers.front().prompt).replace(u'\n', u' '));
        prompt_->setToolTip(group_->answers.front().prompt);
        answers_->selectRow(0);
    }
    emit opened();
}

void RolloutPanel::setColor(TokenColor by) {
    flow_->setColor(by);
    other_->setColor(by);
}

void RolloutPanel::chooseAnswer(int row) {
    row_ = row;
    const Answer* answer = answers_->answers().answer(row);
    const std::vector<AnswerToken> none;
    flow_->setAnswer(answer != nullptr ? answer->tokens : none, rules_.cispo_cap);
    strip_->setAnswer(answer != nullptr ? answer->tokens : none, rules_.cispo_cap);
    showSummary();
}

QString RolloutPanel::boundText(const Answer& answer, const QString& algorithm, const RuleSettings& rules) {
    int masked = 0;
    int raised = 0; // to the floor of CISPO's weight
    int kept = 0;   // at its cap
    int by_dapo = 0;
    for (const AnswerToken& token : answer.tokens) {
        if (token.capped) {
            ++(token.weight == 0 ? masked : token.weight > token.ratio ? raised : kept);
        }
        by_dapo += dapoWeight(token.ratio, answer.advantage, rules).verdict == RuleVerdict::Masked ? 1 : 0;
    }
    const auto count = answer.tokens.size();
    if (masked > 0 || algorithm == QLatin1String("dapo") || algorithm == QLatin1String("grpo")) {
        return tr("%1 of %2 masked: no gradient from them; CISPO would keep them").arg(masked).arg(count);
    }
    QStringList parts{tr("%1 capped, kept at weight %2").arg(kept).arg(rules.cispo_cap)};
    if (raised > 0) {
        parts << tr("%1 raised to weight %2").arg(raised).arg(rules.cispo_floor);
    }
    return parts.join(QStringLiteral(", ")) + tr("; DAPO would mask %1 of %2").arg(by_dapo).arg(count);
}

void RolloutPanel::showSummary() {
    const Answer* answer = answers_->answers().answer(row_);
    if (answer == nullptr) {
        summary_->clear();
        return;
    }
    if (answer->tokens.empty()) {
        summary_->setText(tr("Tokens were not logged for this answer."));
        return;
    }
    QString text = boundText(*answer, algorithm_, rules_);
    if (group_->zeroVariance()) {
        text = tr("zero variance: advantage 0 for all, nothing flows");
    }
    summary_->setText(text);
}

void RolloutPanel::chooseToken(int token) {
    const Answer* answer = answers_->answers().answer(row_);
    strip_->setCurrent(token);
    const bool valid = answer != nullptr && token >= 0 && token < static_cast<int>(answer->tokens.size());
    inspector_->show(valid ? &answer->tokens[static_cast<std::size_t>(token)] : nullptr, token + 1,
                     answer != nullptr ? answer->advantage : 0, rules_);
}

// The answer beside the chosen one: again puts it away.
void RolloutPanel::setBeside(int row) {
    const Answer* answer = answers_->answers().answer(row);
    beside_ = row == beside_ ? -1 : row;
    other_box_->setVisible(beside_ >= 0 && answer != nullptr);
    if (beside_ >= 0 && answer != nullptr) {
        other_title_->setText(tr("answer %1, reward %2").arg(answer->number).arg(answer->reward));
        other_->setAnswer(answer->tokens, rules_.cispo_cap);
    }
}

} // namespace fulgurite
