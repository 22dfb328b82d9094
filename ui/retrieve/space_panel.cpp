// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/space_panel.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"
#include "ui/retrieve/retrieve_session.h"
#include "ui/retrieve/space_map.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

QString explainedText(const client::Projection* projection) {
    return projection == nullptr ? QString()
                                 : SpacePanel::tr("%1 % of the variance shown")
                                       .arg((projection->explained[0] + projection->explained[1]) * 100, 0, 'f', 0);
}

} // namespace

SpacePanel::SpacePanel(ThemeManager& themes, RetrieveSession& session, QWidget* parent)
    : QWidget(parent), session_(session) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* maps = new QHBoxLayout;
    maps->setContentsMargins(0, 0, 0, 0);
    maps->setSpacing(0);
    const auto addMap = [&](QLabel*& title, QLabel*& note, SpaceMap*& map, const QString& name) {
        auto* one = new QVBoxLayout;
        one->setContentsMargins(9, 6, 4, 0);
        one->setSpacing(1);
        title = new QLabel(name);
        title->setProperty("tone", "strong");
        note = new QLabel;
        note->setProperty("tone", "small");
        for (QLabel* label : {title, note}) {
            label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
            label->setTextFormat(Qt::PlainText);
        }
        map = new SpaceMap(themes, session, name);
        one->addWidget(title);
        one->addWidget(note);
        one->addWidget(map, 1);
        maps->addLayout(one, 1);
    };
    QLabel* standard_title = nullptr;
    addMap(head_title_, head_note_, head_map_, tr("Head's space"));
    addMap(standard_title, standard_note_, standard_map_, tr("Standard vector"));
    column->addLayout(maps, 1);
    auto* foot = new QHBoxLayout;
    foot->setContentsMargins(10, 2, 6, 3);
    foot->setSpacing(6);
    count_ = new QLabel;
    count_->setProperty("tone", "small");
    filter_ = new QPushButton(tr("Filter the lists"));
    filter_->setCheckable(true);
    clear_ = new QPushButton(tr("Clear"));
    filter_->setProperty("kind", "chip");
    clear_->setProperty("kind", "link");
    foot->addWidget(count_, 1);
    foot->addWidget(filter_);
    foot->addWidget(clear_);
    column->addLayout(foot);
    connect(filter_, &QPushButton::toggled, &session_, &RetrieveSession::setFiltered);
    connect(clear_, &QPushButton::clicked, &session_, [this] { session_.setBrush({}); });
    connect(&session_, &RetrieveSession::brushChanged, this, &SpacePanel::describe);
    connect(&session_, &RetrieveSession::headChanged, this, &SpacePanel::describe);
    describe();
}

void SpacePanel::setStatistics(std::shared_ptr<const client::HeadStatistics> statistics) {
    statistics_ = std::move(statistics);
    describe();
}

void SpacePanel::setProjection(std::shared_ptr<const client::Projection> projection) {
    (projection->head < 0 ? standard_map_ : head_map_)->setProjection(projection);
    describe();
}

void SpacePanel::clear() {
    head_map_->setProjection(nullptr);
    standard_map_->setProjection(nullptr);
    describe();
}

void SpacePanel::describe() {
    const auto head = static_cast<std::size_t>(std::max(0, session_.head()));
    const client::Separation* best = statistics_ && session_.head() >= 0 && head < statistics_->separates.size() &&
                                             !statistics_->separates[head].empty()
                                         ? &statistics_->separates[head].front()
                                         : nullptr;
    const QString label = best == nullptr ? QString() : QString::fromStdString(best->label);
    head_title_->setText(session_.head() < 0 ? tr("No head chosen")
                         : best == nullptr   ? tr("Head %1").arg(session_.head())
                                             : tr("Head %1: %2").arg(session_.head()).arg(label));
    head_note_->setText(best == nullptr ? explainedText(head_map_->projection())
                                        : tr("separates best, AUC %1").arg(best->auc, 0, 'f', 2));
    standard_note_->setText(best == nullptr ? explainedText(standard_map_->projection())
                                            : tr("%1, AUC %2").arg(label).arg(best->standard_auc, 0, 'f', 2));
    const QString how = tr("AUC: how often a document with the label lies nearer to the label's mean than one "
                           "without. The document itself is left out of the mean. %1 documents have the label.")
                            .arg(best == nullptr ? 0 : static_cast<int>(best->documents));
    head_note_->setToolTip(best == nullptr ? QString() : how);
    standard_note_->setToolTip(best == nullptr ? QString() : how);
    const std::size_t brushed = session_.brush().count;
    count_->setText(brushed == 0 ? tr("drag to brush")
                                 : tr("%1 brushed").arg(grouped(static_cast<qint64>(brushed))));
    filter_->setEnabled(brushed > 0);
    filter_->setChecked(session_.filtered());
    clear_->setEnabled(brushed > 0);
}

} // namespace fulgurite
