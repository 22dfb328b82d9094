// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/sampler_panel.h"

#include "ui/prompt/chip_editor.h"
#include "ui/prompt/effect_chart.h"
#include "ui/prompt/sampler_row.h"

#include <QComboBox>
#include <QFrame>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRegularExpressionValidator>
#include <QScrollArea>
#include <QScrollBar>
#include <QSignalBlocker>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

enum Row { kTemperature, kTopP, kTopK, kMinP, kRepetition, kPresence, kFrequency };

QLabel* caption(const QString& text, QWidget* parent) {
    auto* label = new QLabel(text, parent);
    label->setProperty("tone", "small");
    return label;
}

double valueOf(const SamplerSettings& settings, int row) {
    switch (row) {
    case kTemperature:
        return settings.temperature;
    case kTopP:
        return settings.top_p;
    case kTopK:
        return settings.top_k;
    case kMinP:
        return settings.min_p;
    case kRepetition:
        return settings.repetition_penalty;
    case kPresence:
        return settings.presence_penalty;
    default:
        return settings.frequency_penalty;
    }
}

} // namespace

SamplerPanel::SamplerPanel(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    setAccessibleName(tr("Sampler"));
    scroll_ = new QScrollArea(this);
    scroll_->setWidgetResizable(true);
    scroll_->setFrameShape(QFrame::NoFrame);
    scroll_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    auto* body = new QWidget;
    body->setProperty("scrollBody", true);
    scroll_->setWidget(body);
    auto* outer = new QVBoxLayout(this);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->addWidget(scroll_);
    auto* column = new QVBoxLayout(body);
    column->setContentsMargins(12, 10, 12, 12);
    column->setSpacing(0);
    buildPresetRow(column);
    buildRows(column);
    effect_ = new EffectChart(themes, body);
    column->addSpacing(8);
    column->addWidget(effect_);
    buildLimits(column);
    column->addStretch(1);
    setPresets({});
    showSettings(presets_.front().settings);
    refresh();
}

QSize SamplerPanel::minimumSizeHint() const {
    const int bar = scroll_->verticalScrollBar()->sizeHint().width();
    return {scroll_->widget()->minimumSizeHint().width() + bar, scroll_->minimumSizeHint().height()};
}

void SamplerPanel::buildPresetRow(QVBoxLayout* column) {
    preset_box_ = new QComboBox(this);
    preset_box_->setAccessibleName(tr("Preset"));
    preset_box_->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    save_ = new QPushButton(tr("Save as…"), this);
    save_->setToolTip(tr("Keep these values under a name of your own"));
    reset_ = new QToolButton(this);
    reset_->setIcon(themes_.icon(QStringLiteral("reset")));
    reset_->setProperty("kind", "framed");
    reset_->setToolTip(tr("Back to the preset's values"));
    reset_->setAccessibleName(tr("Reset to the preset"));
    delete_ = new QToolButton(this);
    delete_->setIcon(themes_.icon(QStringLiteral("trash")));
    delete_->setProperty("kind", "framed");
    delete_->setToolTip(tr("Delete this preset"));
    delete_->setAccessibleName(tr("Delete this preset"));
    auto* row = new QHBoxLayout;
    row->setSpacing(6);
    row->addWidget(preset_box_, 1);
    row->addWidget(save_);
    row->addWidget(reset_);
    row->addWidget(delete_);
    column->addLayout(row);
    column->addSpacing(6);
    connect(preset_box_, &QComboBox::activated, this, &SamplerPanel::applyPreset);
    connect(save_, &QPushButton::clicked, this, &SamplerPanel::savePreset);
    connect(reset_, &QToolButton::clicked, this, &SamplerPanel::resetToPreset);
    connect(delete_, &QToolButton::clicked, this, &SamplerPanel::deletePreset);
}

void SamplerPanel::buildRows(QVBoxLayout* column) {
    const std::array<SamplerRowSpec, 7> specs{
        {{tr("Temperature"),
          tr("Divides the logits. Below 1 sharper, above 1 flatter, 0 always the most likely token."), 0, 2, 0.01,
          2, 0.0, tr("greedy")},
         {tr("Top-p"), tr("Keeps the most likely tokens until their probability reaches this."), 0.01, 1, 0.01, 2,
          1.0},
         {tr("Top-k"), tr("Keeps this many of the most likely tokens."), 0, 200, 1, 0, 0.0, {}, 2},
         {tr("Min-p"),
          tr("Drops tokens less likely than this share of the most likely one."),
          0,
          0.5,
          0.005,
          3,
          0.0,
          {},
          2},
         {tr("Repetition"), tr("Divides the logits of tokens that were already used."), 1, 2, 0.01, 2, 1.0},
         {tr("Presence"), tr("Subtracted once from the logit of each token that was used."), -2, 2, 0.05, 2, 0.0},
         {tr("Frequency"), tr("Subtracted from a token's logit for each time it was used."), -2, 2, 0.05, 2, 0.0}}};
    for (std::size_t i = 0; i < specs.size(); ++i) {
        rows_[i] = new SamplerRow(themes_, specs[i], this);
        rows_[i]->setFixedHeight(themes_.scaled(metrics::kFormRow));
        column->addWidget(rows_[i]);
        connect(rows_[i], &SamplerRow::changed, this, &SamplerPanel::edited);
    }
}

void SamplerPanel::buildLimits(QVBoxLayout* column) {
    seed_ = new QLineEdit(this);
    seed_->setPlaceholderText(tr("new each time"));
    seed_->setValidator(new QRegularExpressionValidator(QRegularExpression(QStringLiteral("[0-9]{0,19}")), seed_));
    seed_->setAlignment(Qt::AlignRight);
    seed_->setAccessibleName(tr("Seed"));
    seed_->setToolTip(
        tr("The same seed, settings and text give the same answer. Empty: a new seed for each answer."));
    const auto limit = [&](const QString& name, const QString& tooltip) {
        auto* field = new WordSpinBox(this);
        field->setDecimals(0);
        field->setRange(0, 10'000'000);
        field->setSingleStep(256);
        field->setGroupSeparatorShown(true);
        field->setWord(0.0, tr("no limit"));
        field->setAccessibleName(name);
        field->setToolTip(tooltip);
        connect(field, &QDoubleSpinBox::valueChanged, this, &SamplerPanel::edited);
        return field;
    };
    answer_ = limit(tr("Longest answer in tokens"), tr("Ends the answer after this many tokens."));
    thinking_ = limit(tr("Thinking budget in tokens"),
                      tr("Ends the thinking after this many tokens; the answer then begins."));
    run_ =
        limit(tr("Repetition stop, tokens in a row"),
              tr("Ends the answer after this many tokens in a row that were all nearly certain: the guard against "
                 "loops that MiniMax describe for M1."));
    run_->setWord(0.0, tr("off"));
    run_probability_ = limit(tr("Repetition stop, probability"), tr("What counts as nearly certain."));
    run_probability_->setDecimals(3);
    run_probability_->setRange(0.5, 1);
    run_probability_->setSingleStep(0.005);
    run_probability_->setWord(std::nullopt, {});
    stops_ = new StopStringEditor(this);
    biases_ = new LogitBiasEditor(this);
    auto* grid = new QGridLayout;
    grid->setHorizontalSpacing(8);
    grid->setVerticalSpacing(6);
    const auto place = [&](int row, int at, const QString& text, QWidget* field) {
        auto* label = new QLabel(text, this);
        label->setBuddy(field);
        grid->addWidget(label, row, at);
        grid->addWidget(field, row, at + 1);
    };
    place(0, 0, tr("Seed"), seed_);
    place(0, 2, tr("Answer"), answer_);
    place(1, 0, tr("Thinking"), thinking_);
    place(2, 0, tr("Early stop"), run_);
    place(2, 2, tr("above p"), run_probability_);
    grid->setColumnStretch(1, 1);
    grid->setColumnStretch(3, 1);
    column->addSpacing(12);
    column->addWidget(caption(tr("Limits"), this));
    column->addSpacing(5);
    column->addLayout(grid);
    column->addSpacing(12);
    column->addWidget(caption(tr("Stop strings"), this));
    column->addSpacing(5);
    column->addWidget(stops_);
    column->addSpacing(10);
    column->addWidget(caption(tr("Logit bias"), this));
    column->addSpacing(5);
    column->addWidget(biases_);
    connect(seed_, &QLineEdit::textEdited, this, &SamplerPanel::edited);
    connect(stops_, &StopStringEditor::changed, this, &SamplerPanel::edited);
    connect(biases_, &LogitBiasEditor::changed, this, &SamplerPanel::edited);
    connect(biases_, &LogitBiasEditor::lookupRequested, this, &SamplerPanel::tokenLookupRequested);
}

void SamplerPanel::setPresets(const QList<SamplerPreset>& own) {
    own_ = own;
    listPresets();
}

void SamplerPanel::setModelPreset(const std::optional<SamplerPreset>& recommended) {
    recommended_ = recommended;
    listPresets();
}

void SamplerPanel::listPresets() {
    const QString before = presetName();
    presets_ = builtInSamplerPresets() + own_;
    if (recommended_) {
        presets_.prepend(*recommended_);
    }
    const QSignalBlocker quiet(preset_box_);
    preset_box_->clear();
    preset_ = 0;
    for (int i = 0; i < presets_.size(); ++i) {
        preset_box_->addItem(presets_[i].name);
        if (presets_[i].name == before) {
            preset_ = i;
        }
    }
    preset_box_->setCurrentIndex(preset_);
    refresh();
}

SamplerSettings SamplerPanel::settings() const {
    SamplerSettings settings;
    settings.temperature = rows_[kTemperature]->value();
    settings.top_p = rows_[kTopP]->value();
    settings.top_k = static_cast<int>(rows_[kTopK]->value());
    settings.min_p = rows_[kMinP]->value();
    settings.repetition_penalty = rows_[kRepetition]->value();
    settings.presence_penalty = rows_[kPresence]->value();
    settings.frequency_penalty = rows_[kFrequency]->value();
    bool has_seed = false;
    const std::uint64_t seed = seed_->text().toULongLong(&has_seed);
    settings.seed = has_seed ? std::optional(seed) : std::nullopt;
    settings.max_tokens = static_cast<int>(answer_->value());
    settings.thinking_budget = static_cast<int>(thinking_->value());
    settings.repetition_run = static_cast<int>(run_->value());
    settings.repetition_probability = run_probability_->value();
    settings.stop_strings = stops_->strings();
    settings.logit_bias = biases_->biases();
    return settings;
}

void SamplerPanel::showSettings(const SamplerSettings& settings) {
    for (int row = 0; row < static_cast<int>(rows_.size()); ++row) {
        rows_[static_cast<std::size_t>(row)]->setValue(valueOf(settings, row));
    }
    seed_->setText(settings.seed ? QString::number(*settings.seed) : QString());
    const auto quietly = [](WordSpinBox* field, double value) {
        const QSignalBlocker quiet(field);
        field->setValue(value);
    };
    quietly(answer_, settings.max_tokens);
    quietly(thinking_, settings.thinking_budget);
    quietly(run_, settings.repetition_run);
    quietly(run_probability_, settings.repetition_probability);
    stops_->setStrings(settings.stop_strings);
    biases_->setBiases(settings.logit_bias);
}

void SamplerPanel::setSettings(const SamplerSettings& settings) {
    const auto equals = [&settings](SamplerPreset preset) {
        preset.settings.seed = settings.seed; // a fixed seed does not make it another preset
        return preset.settings == settings;
    };
    // Of two presets that are alike, the one that is shown stays.
    const auto found = std::find_if(presets_.begin(), presets_.end(), equals);
    if (found != presets_.end() && !equals(presets_[preset_])) {
        preset_ = static_cast<int>(found - presets_.begin());
    }
    const QSignalBlocker quiet(preset_box_);
    preset_box_->setCurrentIndex(preset_);
    showSettings(settings);
    refresh();
}

QString SamplerPanel::presetName() const {
    return preset_ < presets_.size() ? presets_[preset_].name : QString();
}

bool SamplerPanel::changedFromPreset() const {
    SamplerSettings preset = presets_[preset_].settings;
    SamplerSettings now = settings();
    preset.seed = now.seed;
    // Fields round to their decimals; what is written the same is the same.
    for (SamplerRow* row : rows_) {
        if (row->differs()) {
            return true;
        }
    }
    return preset.max_tokens != now.max_tokens || preset.thinking_budget != now.thinking_budget ||
           preset.repetition_run != now.repetition_run ||
           std::abs(preset.repetition_probability - now.repetition_probability) > 1e-9 ||
           preset.stop_strings != now.stop_strings || !(preset.logit_bias == now.logit_bias);
}

void SamplerPanel::applyPreset(int index) {
    preset_ = index;
    SamplerSettings chosen = presets_[index].settings;
    if (!chosen.seed) {
        chosen.seed = settings().seed;
    }
    showSettings(chosen);
    refresh();
    emit settingsChanged(settings());
}

void SamplerPanel::edited() {
    if (biases_ == nullptr) {
        return; // still being built
    }
    refresh();
    emit settingsChanged(settings());
}

void SamplerPanel::refresh() {
    if (effect_ == nullptr || biases_ == nullptr || presets_.isEmpty()) {
        return;
    }
    const SamplerSettings& preset = presets_[preset_].settings;
    for (int row = 0; row < static_cast<int>(rows_.size()); ++row) {
        rows_[static_cast<std::size_t>(row)]->setPreset(valueOf(preset, row));
    }
    const bool changed = changedFromPreset();
    save_->setEnabled(changed);
    reset_->setEnabled(changed);
    delete_->setVisible(!presets_[preset_].built_in);
    effect_->setSettings(settings());
    if (changed != was_changed_) {
        was_changed_ = changed;
        emit changedFromPresetChanged(changed);
    }
}

void SamplerPanel::deletePreset() {
    if (!presets_[preset_].built_in) {
        emit presetDeleteRequested(presets_[preset_].name);
    }
}

void SamplerPanel::savePreset() {
    bool accepted = false;
    const QString name =
        QInputDialog::getText(this, tr("Save preset"), tr("Name"), QLineEdit::Normal, {}, &accepted).trimmed();
    if (accepted && !name.isEmpty()) {
        emit presetSaveRequested(name, settings());
    }
}

void SamplerPanel::setToken(const std::optional<TokenView>& token) {
    effect_->setToken(token);
}

void SamplerPanel::setModel(const QString& model) {
    biases_->setModel(model);
}

void SamplerPanel::addBias(const LogitBias& bias) {
    biases_->addBias(bias);
}

void SamplerPanel::setBiasMessage(const QString& message) {
    biases_->setMessage(message);
}

} // namespace fulgurite
