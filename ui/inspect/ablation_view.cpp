// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/ablation_view.h"

#include "ui/base/format.h"
#include "ui/charts/scales.h"
#include "ui/conversation/recipe_text.h"
#include "ui/engine/engine_link.h"
#include "ui/inspect/ablation_plot.h"
#include "ui/inspect/ablation_run.h"
#include "ui/inspect/recipe_editor.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QJsonObject>
#include <QLabel>
#include <QPushButton>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace fulgurite {

namespace {

// Where the answer begins: at the last run of tokens that the model wrote. Without one, all text is judged.
std::size_t answerStart(const std::vector<capture::CapturedToken>& text) {
    std::size_t first = text.size();
    while (first > 0 && text[first - 1].sampled) {
        --first;
    }
    return first == text.size() ? 0 : first;
}

} // namespace

AblationView::AblationView(const InspectServices& services)
    : InspectView(services, QStringLiteral("ablation"), tr("Ablate")),
      editor_(new RecipeEditor),
      model_(new AblationModel(this)) {
    auto* splitter = new QSplitter(Qt::Horizontal);
    splitter->addWidget(makeRecipeSide());
    splitter->addWidget(makeResultSide());
    splitter->setStretchFactor(0, 0);
    splitter->setStretchFactor(1, 1);
    splitter->setSizes({366, 900});
    splitter->setChildrenCollapsible(false);
    setContent(splitter);
    connect(editor_, &RecipeEditor::changed, this, &AblationView::updateButtons);
    connect(&selection(), &Selection::tickedChanged, this, [this] {
        std::vector<std::pair<int, int>> heads;
        for (const capture::HeadRef head : selection().ticked()) {
            heads.emplace_back(head.layer, head.head);
        }
        editor_->setTickedHeads(heads);
    });
    connect(&services.link, &EngineLink::infoChanged, this, &AblationView::updateButtons);
    connect(&services.link, &EngineLink::clientChanged, this, [this] {
        run_.reset();
        updateButtons();
    });
    sourceChanged();
}

AblationView::~AblationView() = default;

QWidget* AblationView::makeRecipeSide() {
    auto* side = new QWidget;
    auto* column = new QVBoxLayout(side);
    column->setContentsMargins(0, 0, 0, 8);
    column->addWidget(editor_, 1);
    reason_ = new QLabel;
    reason_->setProperty("tone", "muted");
    reason_->setWordWrap(true);
    reason_->setContentsMargins(10, 0, 10, 0);
    column->addWidget(reason_);
    auto* row = new QHBoxLayout;
    row->setContentsMargins(10, 0, 10, 0);
    start_ = new QPushButton(tr("Ablate and regenerate"));
    start_->setProperty("kind", "accent");
    start_->setToolTip(
        tr("Judges the answer's tokens with the changed model, and lets it answer instead: same prompt,\n"
           "same settings, same seed"));
    cancel_ = new QPushButton(tr("Cancel"));
    branch_ = new QPushButton(tr("Keep as a branch"));
    row->addWidget(start_);
    row->addWidget(cancel_);
    row->addWidget(branch_);
    row->addStretch(1);
    column->addLayout(row);
    connect(start_, &QPushButton::clicked, this, &AblationView::start);
    connect(cancel_, &QPushButton::clicked, this, &AblationView::cancel);
    connect(branch_, &QPushButton::clicked, this, [this] { emit branchWanted(editor_->recipe()); });
    return side;
}

QWidget* AblationView::makeResultSide() {
    auto* side = new QWidget;
    auto* column = new QVBoxLayout(side);
    column->setContentsMargins(0, 8, 0, 0);
    column->setSpacing(6);
    summary_ = new QLabel;
    summary_->setContentsMargins(10, 0, 10, 0);
    summary_->setWordWrap(true);
    summary_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    column->addWidget(summary_);
    plot_ = new AblationPlot(themes(), *model_);
    column->addWidget(plot_);
    table_ = new QTableView;
    table_->setModel(model_);
    table_->setAccessibleName(tr("Tokens as they are and under the intervention"));
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->setShowGrid(false);
    table_->setWordWrap(false);
    table_->verticalHeader()->hide();
    table_->verticalHeader()->setDefaultSectionSize(themes().scaled(metrics::kTableRow));
    table_->horizontalHeader()->setStretchLastSection(true);
    table_->horizontalHeader()->setHighlightSections(false);
    const int unit = QFontMetrics(themes().uiFont(12)).horizontalAdvance(QStringLiteral("0"));
    for (const auto& [at, digits] : {std::pair{AblationModel::kPosition, 9},
                                     {AblationModel::kOriginal, 18},
                                     {AblationModel::kLogprob, 10},
                                     {AblationModel::kChangedLogprob, 10},
                                     {AblationModel::kDelta, 10},
                                     {AblationModel::kKl, 10},
                                     {AblationModel::kBest, 26}}) {
        table_->setColumnWidth(at, digits * unit);
    }
    column->addWidget(table_, 1);
    connect(plot_, &AblationPlot::chosen, this, &AblationView::choose);
    connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
            [this](const QModelIndex& now, const QModelIndex&) {
                const auto position = model_->positionOf(now.row());
                if (position && !following_) {
                    selection().setQuery(position, true);
                }
            });
    return side;
}

void AblationView::decayChanged() {
    const capture::DecayMap& map = decay();
    const auto& info = services().link.info();
    const int experts = source() ? source()->info().config.num_experts
                        : info   ? static_cast<int>(info->model.experts)
                                 : 0;
    editor_->setShape(static_cast<int>(map.layers.size()), map.heads, experts);
}

void AblationView::sourceChanged() {
    run_.reset();
    problem_.clear();
    text_.clear();
    sampling_.reset();
    model_->setResult(nullptr);
    if (!source()) {
        showNotCaptured(tr("An answer to ablate"));
        return;
    }
    decayChanged();
    source()->tokens(0, source()->info().tokens,
                     answer<std::vector<capture::CapturedToken>>(
                         text_asked_, [this](const std::vector<capture::CapturedToken>& text) { takeText(text); }));
    showContent();
    updateButtons();
    showSummary();
}

void AblationView::takeText(const std::vector<capture::CapturedToken>& text) {
    text_ = text;
    answer_first_ = answerStart(text_);
    updateButtons();
    showSummary();
}

void AblationView::selectionChanged(const InspectState& now, const InspectState& before) {
    if (now.query == before.query) {
        return;
    }
    editor_->setSelectedPosition(now.query);
    plot_->setSelected(now.query);
    const int row = now.query ? model_->rowOfPosition(*now.query) : -1;
    if (row >= 0) {
        following_ = true;
        table_->selectRow(row);
        following_ = false;
    }
}

QString AblationView::whyNot() const {
    const auto& info = services().link.info();
    if (text_.empty()) {
        return tr("The text is being read.");
    }
    if (editor_->recipe().empty()) {
        return tr("Nothing is taken out yet.");
    }
    if (!services().link.client() || !info) {
        return tr("No engine is ready: a model has to run for this.");
    }
    for (const char* needed : {"intervention", "inspect"}) {
        if (!info->can(needed)) {
            return services().link.whyNot(needed);
        }
    }
    if (source() && QString::fromStdString(source()->info().model) != QString::fromStdString(info->model.id)) {
        return tr("The capture is of %1, the engine runs %2. Load that model to ablate it.")
            .arg(QString::fromStdString(source()->info().model), QString::fromStdString(info->model.id));
    }
    return {};
}

void AblationView::updateButtons() {
    const QString reason = whyNot();
    start_->setEnabled(reason.isEmpty() && !run_);
    cancel_->setEnabled(run_ != nullptr);
    branch_->setEnabled(reason.isEmpty() && sampling_.has_value());
    branch_->setToolTip(sampling_ ? tr("Answers again in the conversation, under this recipe, beside the original")
                                  : tr("Only for a capture that was taken of an answer in this session"));
    reason_->setText(reason);
    reason_->setVisible(!reason.isEmpty());
}

void AblationView::setOrigin(const client::Sampling& sampling) {
    sampling_ = sampling;
    updateButtons();
}

void AblationView::start() {
    if (!whyNot().isEmpty()) {
        return;
    }
    problem_.clear();
    client::Sampling greedy; // needs no luck to be repeated
    greedy.temperature = 0;
    run_ = std::make_unique<AblationRun>(*services().link.client(), text_, answer_first_, editor_->recipe(),
                                         sampling_.value_or(greedy));
    connect(run_.get(), &AblationRun::changed, this, &AblationView::showResult);
    connect(run_.get(), &AblationRun::failed, this, [this](const QString& message) { problem_ = message; });
    connect(run_.get(), &AblationRun::finished, this, [this] {
        showResult();
        run_.release()->deleteLater(); // it is what called
        plot_->setBusy(false);
        updateButtons();
        showSummary();
        emit finished();
    });
    plot_->setBusy(true);
    showResult();
    updateButtons();
}

void AblationView::cancel() {
    run_.reset();
    plot_->setBusy(false);
    updateButtons();
    showSummary();
}

void AblationView::showResult() {
    if (run_) {
        following_ = true;
        model_->setResult(run_->result());
        following_ = false;
        plot_->setSelected(selection().state().query);
        showSummary();
    }
}

void AblationView::showSummary() {
    const AblationResult* result = model_->result();
    if (!problem_.isEmpty()) {
        summary_->setText(problem_.toHtmlEscaped());
        return;
    }
    if (result == nullptr || result->judged.size() == 0) {
        summary_->setText(
            run_ ? tr("The engine reads %n token(s) twice: as it is, and under the intervention…", nullptr,
                      static_cast<int>(text_.size()))
                 : tr("Below: each token of the answer, how likely it is with the model as it is and under "
                      "the intervention, and the answer that the changed model gives."));
        return;
    }
    double kl = 0;
    double change = 0;
    int judged = 0;
    for (int i = 0; i < static_cast<int>(result->original.size()); ++i) {
        if (std::isfinite(result->kl(i))) {
            kl += result->kl(i);
            change += result->changedLogprob(i) - result->logprob(i);
            ++judged;
        }
    }
    const auto same = std::count_if(result->rows.begin(), result->rows.end(),
                                    [](const AlignedTokens& row) { return row.both(); });
    const double count = std::max(judged, 1);
    summary_->setText(tr("<b>%1</b> tokens judged · mean KL <b>%2</b> nats · mean Δ log p <b>%3</b> · the answer's "
                         "probability times <b>%4</b> · regenerated: %5 tokens, <b>%6</b> the same")
                          .arg(judged)
                          .arg(kl / count, 0, 'f', 3)
                          .arg(signedText(change / count))
                          .arg(std::exp(change), 0, 'g', 3)
                          .arg(result->changed.size())
                          .arg(same));
}

void AblationView::choose(std::size_t position) {
    selection().setQuery(position, true);
}

QJsonObject AblationView::saveState() const {
    return {{"recipes", editor_->savedJson()}};
}

void AblationView::restoreState(const QJsonObject& state) {
    editor_->restoreSaved(state["recipes"].toArray());
}

} // namespace fulgurite
