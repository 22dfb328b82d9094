// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/inspect/recipe_editor.h"

#include "ui/conversation/recipe_text.h"
#include "ui/inspect/segments.h"
#include "ui/prompt/flow_layout.h"

#include <QCheckBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QRegularExpression>
#include <QVBoxLayout>

#include <algorithm>

namespace fulgurite {

namespace {

enum Coverage { kWholePrompt, kAnswer, kSelected };

template <class T>
void toggleOff(std::vector<T>& list, const T& item) {
    list.erase(std::remove(list.begin(), list.end(), item), list.end());
}

} // namespace

RecipeEditor::RecipeEditor(QWidget* parent) : QWidget(parent) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 10, 8);
    column->setSpacing(8);
    chip_area_ = new QWidget;
    chip_area_->setAccessibleName(tr("Taken out"));
    chips_ = new FlowLayout(chip_area_, 6);
    column->addWidget(chip_area_);
    add_ = new QLineEdit;
    add_->setPlaceholderText(tr("Add: head 7:3, expert 2:4, layer 5"));
    add_->setAccessibleName(tr("Add a head, an expert or a layer"));
    add_->setToolTip(tr("head LAYER:HEAD, expert LAYER:EXPERT, layer N, layer N attention, layer N experts.\n"
                        "Return adds. In the table of heads, Space ticks and A brings the ticked ones here."));
    connect(add_, &QLineEdit::returnPressed, this, &RecipeEditor::typed);
    column->addWidget(add_);
    column->addWidget(makeSettings());
    column->addWidget(makeNameRow());
    column->addStretch(1);
    rebuildChips();
}

QWidget* RecipeEditor::makeSettings() {
    auto* widget = new QWidget;
    auto* form = new QFormLayout(widget);
    form->setContentsMargins(0, 0, 0, 0);
    factor_ = new QDoubleSpinBox;
    factor_->setRange(-10, 10);
    factor_->setSingleStep(0.1);
    factor_->setDecimals(2);
    factor_->setAccessibleName(tr("Factor of the heads"));
    factor_->setToolTip(
        tr("0 ablates: the head's slice of the output projection's input becomes zero, after norm and\n"
           "gate; the norm over the other heads does not notice. Other factors scale it."));
    form->addRow(tr("Heads times"), factor_);
    renormalise_ = new QCheckBox(tr("Renormalise the experts that are left"));
    renormalise_->setToolTip(
        tr("The router's choice stays. Without this the weight of a missing expert is simply lost."));
    form->addRow(renormalise_);
    const auto [segments, group] =
        makeSegments({tr("Whole prompt"), tr("The answer"), tr("From token…")}, tr("In force"));
    coverage_ = group;
    coverage_->button(kAnswer)->setToolTip(tr("From the row that foretells the first new token"));
    form->addRow(tr("In force"), segments);
    connect(factor_, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        for (HeadScale& scale : heads_) {
            scale.factor = static_cast<float>(value);
        }
        rebuildChips();
        touched();
    });
    connect(renormalise_, &QCheckBox::toggled, this, &RecipeEditor::touched);
    connect(coverage_, &QButtonGroup::idClicked, this, [this] {
        from_.reset();
        touched();
    });
    setSelectedPosition({});
    return widget;
}

QWidget* RecipeEditor::makeNameRow() {
    auto* widget = new QWidget;
    auto* row = new QHBoxLayout(widget);
    row->setContentsMargins(0, 0, 0, 0);
    name_ = new QLineEdit;
    name_->setPlaceholderText(tr("Name, to keep it"));
    name_->setAccessibleName(tr("Name of the recipe"));
    saved_button_ = new QPushButton(tr("Recipes") + QStringLiteral("    "));
    saved_menu_ = new QMenu(saved_button_);
    saved_button_->setMenu(saved_menu_);
    connect(saved_menu_, &QMenu::aboutToShow, this, &RecipeEditor::fillSavedMenu);
    connect(name_, &QLineEdit::returnPressed, this, &RecipeEditor::saveRecipe);
    connect(name_, &QLineEdit::textEdited, this, &RecipeEditor::touched);
    row->addWidget(name_, 1);
    row->addWidget(saved_button_);
    return widget;
}

InterventionRecipe RecipeEditor::recipe() const {
    InterventionRecipe recipe;
    recipe.name = name_->text().trimmed().toStdString();
    recipe.intervention.heads = heads_;
    recipe.intervention.experts = experts_;
    recipe.intervention.layers = layers_;
    recipe.intervention.renormalise = renormalise_->isChecked();
    recipe.from_answer = coverage_->checkedId() == kAnswer;
    if (coverage_->checkedId() == kSelected) {
        recipe.intervention.from = from_ ? *from_ : selected_.value_or(0);
    }
    return recipe;
}

void RecipeEditor::setRecipe(const InterventionRecipe& recipe) {
    heads_ = recipe.intervention.heads;
    experts_ = recipe.intervention.experts;
    layers_ = recipe.intervention.layers;
    const QSignalBlocker quiet(factor_);
    factor_->setValue(heads_.empty() ? 0 : static_cast<double>(heads_.front().factor));
    renormalise_->setChecked(recipe.intervention.renormalise);
    from_.reset();
    if (!recipe.from_answer && recipe.intervention.from > 0) {
        from_ = recipe.intervention.from;
    }
    coverage_->button(kSelected)->setEnabled(from_ || selected_);
    coverage_->button(recipe.from_answer ? kAnswer : from_ ? kSelected : kWholePrompt)->setChecked(true);
    name_->setText(QString::fromStdString(recipe.name));
    rebuildChips();
    touched();
}

void RecipeEditor::setShape(int layers, int heads, int experts) {
    layer_count_ = layers;
    head_count_ = heads;
    expert_count_ = experts;
}

void RecipeEditor::setTickedHeads(const std::vector<std::pair<int, int>>& heads) {
    heads_.clear();
    for (const auto& [layer, head] : heads) {
        heads_.push_back({layer, head, static_cast<float>(factor_->value())});
    }
    rebuildChips();
    touched();
}

void RecipeEditor::addExpert(int layer, int expert) {
    const ExpertRef ref{layer, expert};
    if (std::find(experts_.begin(), experts_.end(), ref) == experts_.end()) {
        experts_.push_back(ref);
        rebuildChips();
        touched();
    }
}

void RecipeEditor::setSelectedPosition(std::optional<std::size_t> position) {
    selected_ = position;
    QAbstractButton* button = coverage_->button(kSelected);
    button->setEnabled(position.has_value() || from_.has_value());
    button->setText(from_      ? tr("From token %1").arg(*from_)
                    : position ? tr("From token %1").arg(*position)
                               : tr("From token…"));
    button->setToolTip(position ? tr("The selected token and what follows") : tr("Select a token first"));
    if (button->isChecked() && !from_) {
        touched();
    }
}

void RecipeEditor::addChip(const QString& text, const QString& accessible, std::function<void()> remove) {
    auto* chip = new QPushButton(text + QStringLiteral("  ×"));
    chip->setProperty("kind", "chip");
    chip->setAccessibleName(accessible);
    chip->setToolTip(tr("Click puts it back"));
    connect(chip, &QPushButton::clicked, this, [this, remove = std::move(remove)] {
        remove();
        // The chip is what called: it goes when the event is over.
        QMetaObject::invokeMethod(this, &RecipeEditor::rebuildChips, Qt::QueuedConnection);
        touched();
    });
    chips_->addWidget(chip);
}

void RecipeEditor::rebuildChips() {
    for (QWidget* old : chip_area_->findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly)) {
        chips_->removeWidget(old);
        old->deleteLater();
    }
    for (const HeadScale& scale : heads_) {
        Intervention one;
        one.heads = {scale};
        addChip(recipeParts(one), recipeParts(one), [this, scale] { toggleOff(heads_, scale); });
    }
    for (const ExpertRef& ref : experts_) {
        Intervention one;
        one.experts = {ref};
        addChip(recipeParts(one), recipeParts(one), [this, ref] { toggleOff(experts_, ref); });
    }
    for (const LayerAblation& ablation : layers_) {
        Intervention one;
        one.layers = {ablation};
        addChip(recipeParts(one), recipeParts(one), [this, ablation] { toggleOff(layers_, ablation); });
    }
    if (heads_.empty() && experts_.empty() && layers_.empty()) {
        auto* nothing = new QLabel(tr("Nothing is taken out. Tick heads in the table, or add parts here."));
        nothing->setProperty("tone", "muted");
        nothing->setWordWrap(true);
        chips_->addWidget(nothing);
    }
    renormalise_->setEnabled(!experts_.empty());
    factor_->setEnabled(!heads_.empty());
}

void RecipeEditor::typed() {
    static const QRegularExpression pattern(
        QStringLiteral(R"(^\s*(head|expert|layer)?\s*(\d+)(?::(\d+))?(?:\s*\(?(attention|experts)\)?)?\s*$)"),
        QRegularExpression::CaseInsensitiveOption);
    const QRegularExpressionMatch match = pattern.match(add_->text());
    const QString what = match.captured(1).toLower();
    const int layer = match.captured(2).toInt();
    const bool has_index = !match.captured(3).isEmpty();
    const int index = match.captured(3).toInt();
    const bool is_layer = what == QLatin1String("layer") || (what.isEmpty() && !has_index);
    const int count = what == QLatin1String("expert") ? expert_count_ : head_count_;
    if (!match.hasMatch() || is_layer == has_index || layer >= layer_count_ || (has_index && index >= count)) {
        add_->setProperty("invalid", true);
        add_->setToolTip(tr("Layers 0 to %1, heads 0 to %2, experts 0 to %3: head 7:3, expert 2:4, layer 5")
                             .arg(layer_count_ - 1)
                             .arg(head_count_ - 1)
                             .arg(expert_count_ - 1));
        add_->selectAll();
        return;
    }
    if (is_layer) {
        const QString part = match.captured(4).toLower();
        layers_.push_back({layer, part == QLatin1String("attention") ? BlockPart::Attention
                                  : part == QLatin1String("experts") ? BlockPart::Experts
                                                                     : BlockPart::Both});
    } else if (what == QLatin1String("expert")) {
        addExpert(layer, index);
    } else {
        heads_.push_back({layer, index, static_cast<float>(factor_->value())});
    }
    add_->setProperty("invalid", false);
    add_->clear();
    rebuildChips();
    touched();
}

void RecipeEditor::fillSavedMenu() {
    saved_menu_->clear();
    for (const auto& [name, recipe] : saved_) {
        QMenu* one = saved_menu_->addMenu(name);
        one->addAction(tr("Use it"), this, [this, kept = recipe] { setRecipe(kept); });
        one->addAction(tr("Forget it"), this, [this, key = name] {
            saved_.erase(key);
            emit savedChanged();
        });
    }
    if (saved_.empty()) {
        saved_menu_->addAction(tr("None kept yet"))->setEnabled(false);
    }
    saved_menu_->addSeparator();
    QAction* keep = saved_menu_->addAction(tr("Keep this one"), this, &RecipeEditor::saveRecipe);
    keep->setEnabled(!recipe().empty() && !name_->text().trimmed().isEmpty());
}

void RecipeEditor::saveRecipe() {
    const InterventionRecipe one = recipe();
    if (!one.empty() && !one.name.empty()) {
        saved_[QString::fromStdString(one.name)] = one;
        emit savedChanged();
    }
}

QJsonArray RecipeEditor::savedJson() const {
    QJsonArray list;
    for (const auto& [name, recipe] : saved_) {
        list.append(recipeObject(recipe));
    }
    return list;
}

void RecipeEditor::restoreSaved(const QJsonArray& list) {
    for (const QJsonValue& value : list) {
        const InterventionRecipe recipe = recipeFromObject(value.toObject());
        if (!recipe.name.empty()) {
            saved_[QString::fromStdString(recipe.name)] = recipe;
        }
    }
}

void RecipeEditor::touched() {
    emit changed();
}

} // namespace fulgurite
