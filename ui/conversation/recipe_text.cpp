// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/recipe_text.h"

#include <QCoreApplication>
#include <QJsonDocument>
#include <QStringList>

namespace fulgurite {

namespace {

QString say(const char* text) {
    return QCoreApplication::translate("fulgurite::Recipe", text);
}

// The first few, and how many more there are.
void addList(QStringList& parts, const char* one, const char* many, const QStringList& items) {
    constexpr qsizetype kShown = 4;
    if (items.isEmpty()) {
        return;
    }
    QString list = items.first(std::min(items.size(), kShown)).join(QStringLiteral(", "));
    if (items.size() > kShown) {
        list += say(" and %1 more").arg(items.size() - kShown);
    }
    parts << say(items.size() == 1 ? one : many).arg(list);
}

} // namespace

QString recipeParts(const Intervention& intervention) {
    QStringList parts;
    QStringList items;
    for (const HeadScale& scale : intervention.heads) {
        items << QStringLiteral("%1:%2").arg(scale.layer).arg(scale.head) +
                     (scale.factor == 0 ? QString()
                                        : QStringLiteral(" × %1").arg(static_cast<double>(scale.factor)));
    }
    addList(parts, "head %1", "heads %1", items);
    items.clear();
    for (const ExpertRef& ref : intervention.experts) {
        items << QStringLiteral("%1:%2").arg(ref.layer).arg(ref.expert);
    }
    addList(parts, "expert %1", "experts %1", items);
    items.clear();
    for (const LayerAblation& ablation : intervention.layers) {
        items << (ablation.part == BlockPart::Attention ? say("%1 (attention)")
                  : ablation.part == BlockPart::Experts ? say("%1 (experts)")
                                                        : QStringLiteral("%1"))
                     .arg(ablation.layer);
    }
    addList(parts, "layer %1", "layers %1", items);
    return parts.join(QStringLiteral(", "));
}

QString recipeSummary(const InterventionRecipe& recipe) {
    if (recipe.empty()) {
        return {};
    }
    const QString what = recipe.name.empty() ? say("without %1").arg(recipeParts(recipe.intervention))
                                             : QString::fromStdString(recipe.name);
    const QString where = recipe.from_answer              ? say("from the answer on")
                          : recipe.intervention.from == 0 ? say("whole prompt")
                                                          : say("from token %1").arg(recipe.intervention.from);
    return QStringLiteral("%1 · %2").arg(what, where);
}

QJsonObject recipeObject(const InterventionRecipe& recipe) {
    return QJsonDocument::fromJson(QByteArray::fromStdString(recipeJson(recipe).dump())).object();
}

InterventionRecipe readRecipeObject(const QJsonObject& object) {
    const std::string text = QJsonDocument(object).toJson(QJsonDocument::Compact).toStdString();
    const nlohmann::json json = nlohmann::json::parse(text);
    return readRecipe(JsonField(json, "intervention"));
}

InterventionRecipe recipeFromObject(const QJsonObject& object) {
    try {
        return readRecipeObject(object);
    } catch (const Error&) {
        return {};
    }
}

} // namespace fulgurite
