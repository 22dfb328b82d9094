// SPDX-License-Identifier: GPL-3.0-or-later
// What is taken out of the model, as a person puts it together: ticked heads, experts, layers; how, and from where
// on. Recipes with a name are kept.
#pragma once

#include "core/base/intervention.h"

#include <QJsonArray>
#include <QWidget>

#include <map>
#include <vector>

class QButtonGroup;
class QCheckBox;
class QDoubleSpinBox;
class QLineEdit;
class QMenu;
class QPushButton;

namespace fulgurite {

class FlowLayout;

class RecipeEditor : public QWidget {
    Q_OBJECT

  public:
    explicit RecipeEditor(QWidget* parent = nullptr);

    InterventionRecipe recipe() const;
    void setRecipe(const InterventionRecipe& recipe);
    // Of the model: "all layers" of the menus, and what may be typed. Zero: not known.
    void setShape(int layers, int heads, int experts);
    // Heads from elsewhere: ticks. They take the place of the heads that came the same way before.
    void setTickedHeads(const std::vector<std::pair<int, int>>& heads);
    void addExpert(int layer, int expert);
    // For "from the selected token on"; unset: there is none.
    void setSelectedPosition(std::optional<std::size_t> position);

    const std::map<QString, InterventionRecipe>& saved() const { return saved_; }
    QJsonArray savedJson() const;
    void restoreSaved(const QJsonArray& list);

  signals:
    void changed();
    void savedChanged();

  private:
    QWidget* makeSettings();
    QWidget* makeNameRow();
    void rebuildChips();
    void addChip(const QString& text, const QString& accessible, std::function<void()> remove);
    void typed();
    void fillSavedMenu();
    void saveRecipe();
    void touched();

    std::vector<HeadScale> heads_;
    std::vector<ExpertRef> experts_;
    std::vector<LayerAblation> layers_;
    int layer_count_ = 0;
    int head_count_ = 0;
    int expert_count_ = 0;
    std::optional<std::size_t> selected_;
    std::optional<std::size_t> from_; // of a recipe that was opened with a position of its own

    FlowLayout* chips_ = nullptr;
    QWidget* chip_area_ = nullptr;
    QLineEdit* add_ = nullptr;
    QDoubleSpinBox* factor_ = nullptr;
    QCheckBox* renormalise_ = nullptr;
    QButtonGroup* coverage_ = nullptr;
    QLineEdit* name_ = nullptr;
    QPushButton* saved_button_ = nullptr;
    QMenu* saved_menu_ = nullptr;
    std::map<QString, InterventionRecipe> saved_;
};

} // namespace fulgurite
