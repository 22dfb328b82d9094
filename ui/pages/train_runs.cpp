// SPDX-License-Identifier: GPL-3.0-or-later
// What concerns single runs on the Train page: names, tags, notes, deleting, alerts.
#include "ui/base/notices.h"
#include "ui/base/theme_manager.h"
#include "ui/pages/train_page.h"
#include "ui/train/alert_dialog.h"
#include "ui/train/chart_grid.h"
#include "ui/train/run_feed.h"

#include <QInputDialog>
#include <QMessageBox>
#include <QRegularExpression>

#include <algorithm>

namespace fulgurite {

void TrainPage::renameRun(qint64 run) {
    const RunInfo* info = feed_->run(run);
    if (info == nullptr) {
        return;
    }
    bool accepted = false;
    const QString name =
        QInputDialog::getText(this, tr("Rename the run"), tr("Name"), QLineEdit::Normal, info->name, &accepted);
    if (accepted && !name.trimmed().isEmpty()) {
        feed_->edit([run, name = name.trimmed().toStdString()](RunEditor& editor) { editor.setName(run, name); });
    }
}

void TrainPage::editTags(const std::vector<qint64>& runs) {
    if (runs.empty()) {
        return;
    }
    const RunInfo* first = feed_->run(runs.front());
    bool accepted = false;
    const QString text = QInputDialog::getText(
        this, runs.size() == 1 ? tr("Tags of the run") : tr("Tags of %1 runs").arg(runs.size()),
        tr("Tags, separated by commas"), QLineEdit::Normal,
        first != nullptr ? first->tags.join(QStringLiteral(", ")) : QString(), &accepted);
    if (!accepted) {
        return;
    }
    std::vector<std::string> tags;
    for (const QString& tag : text.split(u',', Qt::SkipEmptyParts)) {
        if (!tag.trimmed().isEmpty()) {
            tags.push_back(tag.trimmed().toStdString());
        }
    }
    feed_->edit([runs, tags](RunEditor& editor) {
        for (const qint64 run : runs) {
            editor.setTags(run, tags);
        }
    });
}

void TrainPage::editNotes(qint64 run) {
    const RunInfo* info = feed_->run(run);
    if (info == nullptr) {
        return;
    }
    bool accepted = false;
    const QString notes = QInputDialog::getMultiLineText(this, tr("Notes"), info->name, info->notes, &accepted);
    if (accepted) {
        feed_->edit([run, notes = notes.toStdString()](RunEditor& editor) { editor.setNotes(run, notes); });
    }
}

// The one thing here that nothing brings back, so it is asked about.
void TrainPage::removeRun(qint64 run) {
    const RunInfo* info = feed_->run(run);
    if (info == nullptr) {
        return;
    }
    const auto answer = QMessageBox::question(
        this, tr("Delete the run?"),
        tr("%1 and all its points go from the file. Its logs stay where they are.").arg(info->name),
        QMessageBox::Yes | QMessageBox::Cancel, QMessageBox::Cancel);
    if (answer == QMessageBox::Yes) {
        feed_->edit([run](RunEditor& editor) { editor.remove(run); });
    }
}

void TrainPage::setAlerts(const std::vector<AlertRule>& rules) {
    alerts_ = rules;
    told_alerts_.clear();
    grid_->setAlerts(rules);
    const std::vector<qint64> drawn = board_->drawnRuns();
    checkAlerts(QSet<qint64>(drawn.begin(), drawn.end()));
}

void TrainPage::editAlerts() {
    AlertDialog dialog(context().themes, feed_->seriesNames(), alerts_, this);
    if (dialog.exec() == QDialog::Accepted) {
        setAlerts(dialog.rules());
    }
}

void TrainPage::checkAlerts(const QSet<qint64>& runs) {
    for (const AlertRule& rule : alerts_) {
        for (const qint64 id : runs) {
            const QString key = QStringLiteral("%1 %2").arg(id).arg(ruleText(rule));
            const RunInfo* run = feed_->run(id);
            const CurveRef curve = feed_->curve({id, rule.series});
            if (run == nullptr || curve == nullptr || told_alerts_.contains(key)) {
                continue;
            }
            if (const std::optional<Alert> alert = findAlert(rule, *curve)) {
                told_alerts_.insert(key);
                const qint64 step = alert->step;
                context().notices.post(
                    {.id = QStringLiteral("train-alert-") + key,
                     .severity = Severity::Warning,
                     .text = tr("%1: %2 from step %3 on").arg(run->name, ruleText(rule)).arg(step),
                     .details = {},
                     .actions = {{tr("Show"), [this, id, step] {
                                      board_->setCurrent(id);
                                      grid_->link().togglePin(static_cast<double>(step));
                                  }}}});
            }
        }
    }
}

} // namespace fulgurite
