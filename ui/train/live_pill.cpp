// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/live_pill.h"

#include "ui/base/format.h"
#include "ui/base/theme_manager.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>

#include <algorithm>

namespace fulgurite {

LivePill::LivePill(ThemeManager& themes, RunFeed& feed, QWidget* parent)
    : QWidget(parent), themes_(themes), feed_(feed), dot_(new QLabel), text_(new QLabel), pause_(new QPushButton) {
    setObjectName(QStringLiteral("live"));
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(6);
    row->addWidget(dot_);
    row->addWidget(text_);
    row->addWidget(pause_);
    connect(pause_, &QPushButton::clicked, this, [this] { feed_.setPaused(!feed_.paused()); });
    connect(&feed, &RunFeed::stateChanged, this, &LivePill::refresh);
    connect(&feed, &RunFeed::runsChanged, this, &LivePill::refresh);
    connect(&feed, &RunFeed::opened, this, [this] { setProblem({}); });
    connect(&themes, &ThemeManager::changed, this, &LivePill::refresh);
    refresh();
}

QString LivePill::text() const {
    return text_->text();
}

void LivePill::setProblem(const QString& problem) {
    problem_ = problem;
    refresh();
}

void LivePill::refresh() {
    const auto running = std::count_if(feed_.runs()->begin(), feed_.runs()->end(),
                                       [](const RunInfo& run) { return run.state == RunState::Running; });
    Role role = Role::Faint;
    QString text = tr("idle");
    if (!problem_.isEmpty()) {
        role = Role::Bad;
        text = tr("no contact");
    } else if (feed_.paused()) {
        role = Role::Warn;
        text = tr("frozen · %1 new points").arg(grouped(feed_.heldBack()));
    } else if (running > 0) {
        role = Role::Good;
        text = running == 1 ? tr("Live · 1 run") : tr("Live · %1 runs").arg(running);
        if (feed_.secondsBehind() >= 0) {
            text += tr(" · %1 s behind").arg(feed_.secondsBehind(), 0, 'f', 2);
        }
    }
    dot_->setPixmap(themes_.icon(QStringLiteral("dot"), role).pixmap(12, 12));
    text_->setText(text);
    text_->setToolTip(problem_);
    const QString pause = feed_.paused() ? tr("Resume") : tr("Pause");
    if (pause_->text() != pause) {
        pause_->setText(pause);
        pause_->setToolTip(tr("Freezes what is shown, not the runs"));
    }
    pause_->setVisible(running > 0 || feed_.paused());
}

} // namespace fulgurite
