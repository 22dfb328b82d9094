// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/strategy_panel.h"

#include "ui/base/theme_manager.h"
#include "ui/retrieve/strategies.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include <utility>

namespace fulgurite {
namespace {

class MarkWidget : public QWidget {
  public:
    MarkWidget(ThemeManager& themes, const StrategyInfo& info) : themes_(themes), info_(info) {
        setFixedSize(14, 14);
    }

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        paintMark(painter, {7, 7}, 9, info_.mark, themes_.color(isEnabled() ? info_.role : Role::Faint));
    }

  private:
    ThemeManager& themes_;
    const StrategyInfo& info_;
};

} // namespace

StrategyPanel::StrategyPanel(ThemeManager& themes, QWidget* parent) : QWidget(parent), themes_(themes) {
    auto* column = new QVBoxLayout(this);
    column->setContentsMargins(8, 4, 10, 6);
    column->setSpacing(0);
    for (const StrategyInfo& info : strategies()) {
        order_ << info.id;
        addRow(info.id);
    }
}

void StrategyPanel::addRow(const QString& id) {
    const StrategyInfo& info = strategyInfo(id);
    auto* row = new QWidget;
    auto* line = new QHBoxLayout(row);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(6);
    auto* box = new QCheckBox(info.title);
    box->setAccessibleDescription(info.note);
    auto* note = new QLabel(info.note);
    note->setProperty("tone", "small");
    line->addWidget(new MarkWidget(themes_, info));
    line->addWidget(box, 1);
    line->addWidget(note);
    layout()->addWidget(row);
    boxes_[id] = box;
    connect(box, &QCheckBox::toggled, this, [this] { emit changed(chosen()); });
}

QStringList StrategyPanel::chosen() const {
    QStringList ids;
    for (const QString& id : order_) {
        if (boxes_[id]->isChecked() && boxes_[id]->isEnabled()) {
            ids << id;
        }
    }
    return ids;
}

void StrategyPanel::setChosen(const QStringList& ids) {
    for (const QString& id : std::as_const(order_)) {
        const QSignalBlocker quiet(boxes_[id]);
        boxes_[id]->setChecked(ids.contains(id));
    }
}

void StrategyPanel::setObstacle(const QString& id, const QString& reason) {
    QCheckBox* box = boxes_.value(id);
    if (box == nullptr || (box->isEnabled() == reason.isEmpty() && box->toolTip() == reason)) {
        return;
    }
    const bool was = box->isEnabled();
    box->parentWidget()->setEnabled(reason.isEmpty());
    box->setToolTip(reason);
    box->parentWidget()->setToolTip(reason);
    if (was != reason.isEmpty() && box->isChecked()) {
        emit changed(chosen());
    }
}

} // namespace fulgurite
