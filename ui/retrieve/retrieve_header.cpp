// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/retrieve_header.h"

#include "ui/base/theme_manager.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPushButton>

#include <map>

namespace fulgurite {
namespace {

constexpr int kMostListed = 40; // of one number of aspects; Alt+Up and Alt+Down reach all

} // namespace

RetrieveHeader::RetrieveHeader(ThemeManager& themes, QWidget* parent)
    : QWidget(parent),
      place_(new QLabel),
      queries_button_(new QPushButton(tr("Queries"))),
      add_(new QPushButton(tr("Add documents…"))),
      save_(new QPushButton(tr("Save to query set"))),
      prompt_(new QPushButton(tr("Prompt with hits"))),
      menu_(new QMenu(this)) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    place_->setTextFormat(Qt::PlainText);
    place_->setProperty("tone", "muted");
    place_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    add_->setIcon(themes.icon(QStringLiteral("plus")));
    prompt_->setProperty("kind", "accent");
    queries_button_->setMenu(menu_);
    queries_button_->setToolTip(tr("Queries whose relevant documents are known (Alt+Down: the next one)"));
    row->addWidget(place_, 1);
    for (QPushButton* button : {queries_button_, add_, save_, prompt_}) {
        row->addWidget(button);
    }
    connect(menu_, &QMenu::aboutToShow, this, &RetrieveHeader::fillMenu);
    connect(add_, &QPushButton::clicked, this, &RetrieveHeader::addWanted);
    connect(save_, &QPushButton::clicked, this, &RetrieveHeader::saveWanted);
    connect(prompt_, &QPushButton::clicked, this, &RetrieveHeader::promptWanted);
}

void RetrieveHeader::setPlace(const QString& collection, const QString& query) {
    place_->setText(query.isEmpty() ? collection : tr("%1 / %2").arg(collection, query));
    place_->setToolTip(place_->text());
}

void RetrieveHeader::setQueries(const std::vector<client::QuerySetInfo>& sets, const QString& current,
                                const std::vector<client::RetrievalQuery>& queries) {
    sets_ = sets;
    current_ = current;
    queries_ = queries;
    queries_button_->setEnabled(!sets.empty());
}

void RetrieveHeader::fillMenu() {
    menu_->clear();
    if (sets_.size() > 1) {
        for (const client::QuerySetInfo& set : sets_) {
            const QString id = QString::fromStdString(set.id);
            QAction* action =
                menu_->addAction(tr("%1: %2 queries").arg(QString::fromStdString(set.name)).arg(set.queries), this,
                                 [this, id] { emit setChosen(id); });
            action->setCheckable(true);
            action->setChecked(id == current_);
        }
        menu_->addSeparator();
    }
    std::map<std::size_t, QMenu*> by_aspects;
    for (std::size_t i = 0; i < queries_.size(); ++i) {
        const std::size_t aspects = queries_[i].relevant.size();
        QMenu*& sub = by_aspects[aspects];
        if (sub == nullptr) {
            sub = menu_->addMenu(aspects == 1 ? tr("One aspect") : tr("%1 aspects").arg(aspects));
        }
        if (sub->actions().size() >= kMostListed) {
            continue;
        }
        QString text = QString::fromStdString(queries_[i].text).simplified();
        text = text.size() > 70 ? text.left(69) + QChar(0x2026) : text;
        sub->addAction(QStringLiteral("%1  %2").arg(i + 1).arg(text.replace(u'&', QStringLiteral("&&"))), this,
                       [this, i] { emit queryChosen(static_cast<int>(i)); });
    }
    if (queries_.empty()) {
        menu_->addAction(tr("No queries in this set yet"))->setEnabled(false);
    }
}

void RetrieveHeader::setHits(int count, bool cited) {
    prompt_->setText(cited ? tr("Prompt with %1 cited").arg(count) : tr("Prompt with %1 hits").arg(count));
}

void RetrieveHeader::setObstacles(const QString& add, const QString& save, const QString& prompt) {
    const auto apply = [](QPushButton* button, const QString& reason) {
        button->setEnabled(reason.isEmpty());
        button->setToolTip(reason);
    };
    apply(add_, add);
    apply(save_, save);
    apply(prompt_, prompt);
}

} // namespace fulgurite
