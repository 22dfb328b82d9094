// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/token_inspector.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/charts/scales.h"

#include <QApplication>
#include <QClipboard>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <array>
#include <cmath>

namespace fulgurite {
namespace {

QString probability(double logp) {
    return std::isnan(logp) ? QStringLiteral("–") : QString::number(std::exp(logp), 'g', 3);
}

QString verdictText(const RuleWeight& weight) {
    switch (weight.verdict) {
    case RuleVerdict::Masked:
        return QStringLiteral("masked");
    case RuleVerdict::Zero:
        return QStringLiteral("0");
    default:
        return QString::number(weight.weight, 'f', 2);
    }
}

QString row(const QString& name, const QString& value, bool strong = false) {
    return QStringLiteral("<tr><td style=\"padding-right:14px\">%1</td><td align=\"right\">%2</td></tr>")
        .arg(name.toHtmlEscaped(),
             strong ? QStringLiteral("<b>%1</b>").arg(value.toHtmlEscaped()) : value.toHtmlEscaped());
}

} // namespace

TokenInspector::TokenInspector(ThemeManager& themes, QWidget* parent)
    : QWidget(parent), themes_(themes), title_(new QLabel), facts_(new QLabel), rules_(new QLabel) {
    setObjectName(QStringLiteral("token-inspector"));
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(10, 8, 10, 8);
    column->setSpacing(6);
    title_->setProperty("tone", "strong");
    for (QLabel* label : {title_, facts_, rules_}) {
        label->setTextFormat(label == title_ ? Qt::PlainText : Qt::RichText);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        label->setWordWrap(true);
        column->addWidget(label);
    }
    column->addStretch(1);
    auto* copy = new QPushButton(tr("Copy"));
    connect(copy, &QPushButton::clicked, this, [this] { QApplication::clipboard()->setText(text_); });
    column->addWidget(copy, 0, Qt::AlignRight);
    show(nullptr, 0, 0, {});
}

void TokenInspector::show(const AnswerToken* token, int number, double advantage, const RuleSettings& settings) {
    if (token == nullptr) {
        title_->setText(tr("No token is chosen"));
        facts_->setText(tr("Click a token, or walk with Left and Right; N goes to the next capped one."));
        rules_->clear();
        text_.clear();
        return;
    }
    title_->setText(tr("Token %1   %2").arg(number).arg(readableToken(token->text)));
    const QString ratio = QString::number(token->ratio, 'g', 4);
    QString facts = row(tr("p at rollout → now"),
                        probability(token->logp_old) + QStringLiteral(" → ") + probability(token->logp)) +
                    row(tr("ratio r"), ratio) + row(tr("advantage A"), signedText(advantage)) +
                    row(tr("weight in this run"), QString::number(token->weight, 'g', 4), token->capped);
    if (!std::isnan(token->entropy)) {
        facts += row(tr("entropy"), tr("%1 nats").arg(token->entropy, 0, 'g', 3));
    }
    facts_->setText(QStringLiteral("<table cellspacing=\"2\">%1</table>").arg(facts));
    text_ = tr("token %1\t%2\nlogp_old\t%3\nlogp\t%4\nratio\t%5\nadvantage\t%6\nweight\t%7\n")
                .arg(number)
                .arg(readableToken(token->text))
                .arg(token->logp_old)
                .arg(token->logp)
                .arg(token->ratio)
                .arg(advantage)
                .arg(token->weight);
    QString rules;
    const std::array<std::pair<const char*, RuleWeight>, 3> all{
        std::pair("CISPO", cispoWeight(token->ratio, advantage, settings)),
        std::pair("DAPO", dapoWeight(token->ratio, advantage, settings)),
        std::pair("GRPO", grpoWeight(token->ratio, advantage, settings))};
    for (const auto& [name, weight] : all) {
        rules += QStringLiteral(
                     "<tr><td style=\"padding-right:8px\">%1</td><td style=\"padding-right:8px; color:%4\">%2</td>"
                     "<td align=\"right\"><b>%3</b></td></tr>")
                     .arg(QLatin1String(name), weight.reason.toHtmlEscaped(), verdictText(weight),
                          themes_.color(Role::Muted).name());
        text_ += QStringLiteral("%1\t%2\t%3\n").arg(QLatin1String(name), weight.reason, verdictText(weight));
    }
    rules_->setText(QStringLiteral("<b>%1</b><table cellspacing=\"2\">%2</table>")
                        .arg(tr("This token under each rule"), rules));
}

} // namespace fulgurite
