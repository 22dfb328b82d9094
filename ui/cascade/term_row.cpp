// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/term_row.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/cascade/cascade_search.h"
#include "ui/cascade/term_chip.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpression>

#include <algorithm>
#include <cmath>

namespace fulgurite {
namespace {

constexpr double kMostWeight = 10;

} // namespace

client::CascadeTerm parseTerm(const QString& typed) {
    static const QRegularExpression weighted(QStringLiteral("^([+\\-\u2212])\\s*(\\d+(?:\\.\\d+)?)?\\s*(.*)$"));
    client::CascadeTerm term;
    const QString text = typed.simplified();
    const QRegularExpressionMatch match = weighted.match(text);
    if (!match.hasMatch()) {
        term.text = text.toStdString();
        return term;
    }
    const QString figure = match.captured(2);
    const double size = figure.isEmpty() ? 1 : std::min(figure.toDouble(), kMostWeight);
    term.weight = match.captured(1) == QStringLiteral("+") ? size : -size;
    term.text = match.captured(3).toStdString();
    return term;
}

TermRow::TermRow(ThemeManager& themes, CascadeSearch& search, QWidget* parent)
    : QFrame(parent), themes_(themes), search_(search) {
    setProperty("surface", "header");
    setAccessibleName(tr("Terms of the search"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(12, 4, 12, 4);
    row->setSpacing(6);
    auto* name = new QLabel(tr("Terms"));
    name->setProperty("tone", "muted");
    row->addWidget(name);
    chips_row_ = new QHBoxLayout;
    chips_row_->setSpacing(6);
    row->addLayout(chips_row_);
    field_ = new QLineEdit;
    field_->setPlaceholderText(tr("+ another, or −0.5 less of this"));
    field_->setAccessibleName(tr("Add a term"));
    field_->setToolTip(tr("Enter adds it. A sign and a weight may stand in front: “+0.5 on grass”, “−0.4 cat”."));
    field_->setMinimumWidth(themes.scaled(210));
    field_->setMaximumWidth(themes.scaled(240));
    row->addWidget(field_);
    row->addStretch(1);
    totals_ = new QLabel;
    totals_->setProperty("tone", "strong");
    row->addWidget(totals_);
    connect(field_, &QLineEdit::returnPressed, this, &TermRow::addTyped);
    connect(&search_, &CascadeSearch::questionChanged, this, &TermRow::showTerms);
    connect(&search_, &CascadeSearch::answerChanged, this, &TermRow::showTotals);
    connect(&search_, &CascadeSearch::searchStarted, this, &TermRow::showTotals);
}

void TermRow::addTyped() {
    const client::CascadeTerm term = parseTerm(field_->text());
    if (term.text.empty())
        return;
    field_->clear();
    auto terms = search_.question().terms;
    terms.push_back(term);
    search_.setTerms(std::move(terms));
}

QStringList TermRow::chipTexts() const {
    QStringList texts;
    for (const TermChip* chip : chips_)
        texts << chip->accessibleName();
    return texts;
}

void TermRow::showTerms() {
    const auto& terms = search_.question().terms;
    // Chips stay where only a weight changed, so that the one with the focus keeps it.
    while (chips_.size() > terms.size()) {
        chips_.back()->deleteLater();
        chips_.back()->hide();
        chips_.pop_back();
    }
    while (chips_.size() < terms.size()) {
        const std::size_t place = chips_.size();
        auto* chip = new TermChip(themes_);
        connect(chip, &TermChip::weightChosen, this, [this, place](double weight) { setWeight(place, weight); });
        connect(
            chip, &TermChip::removed, this, [this, place] { remove(place); }, Qt::QueuedConnection);
        chips_row_->addWidget(chip);
        chips_.push_back(chip);
    }
    for (std::size_t i = 0; i < terms.size(); ++i)
        chips_[i]->setTerm(terms[i]);
    field_->setVisible(!terms.empty());
}

void TermRow::showTotals() {
    const auto& answer = search_.answer();
    if (search_.searching())
        totals_->setText(tr("searching…"));
    else if (answer)
        totals_->setText(tr("%1 of %2 in %3")
                             .arg(grouped(static_cast<qint64>(answer->results.size())),
                                  grouped(static_cast<qint64>(answer->images)), secondsText(answer->seconds)));
    else
        totals_->clear();
}

void TermRow::setWeight(std::size_t term, double weight) {
    auto terms = search_.question().terms;
    if (term >= terms.size())
        return;
    terms[term].weight = std::clamp(std::round(weight * 10) / 10, -kMostWeight, kMostWeight);
    search_.setTerms(std::move(terms));
}

void TermRow::remove(std::size_t term) {
    auto terms = search_.question().terms;
    if (term >= terms.size())
        return;
    terms.erase(terms.begin() + static_cast<std::ptrdiff_t>(term));
    search_.setTerms(std::move(terms));
}

} // namespace fulgurite
