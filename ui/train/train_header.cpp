// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/train/train_header.h"

#include "ui/base/theme_manager.h"
#include "ui/train/live_pill.h"

#include <QFileInfo>
#include <QHBoxLayout>
#include <QPushButton>

namespace fulgurite {

TrainHeader::TrainHeader(ThemeManager& themes, RunFeed& feed, QWidget* parent)
    : QWidget(parent),
      file_(new QPushButton),
      pill_(new LivePill(themes, feed)),
      import_(new QPushButton(themes.icon(QStringLiteral("import")), tr("Import runs…"))),
      new_run_(new QPushButton(tr("New run…"))) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    file_->setProperty("kind", "quiet");
    file_->setAccessibleName(tr("Runs file"));
    new_run_->setProperty("kind", "accent");
    row->addWidget(file_);
    row->addStretch(1);
    row->addWidget(pill_);
    row->addWidget(import_);
    row->addWidget(new_run_);
    connect(new_run_, &QPushButton::clicked, this, &TrainHeader::newRunWanted);
    setFile({});
}

void TrainHeader::setFileMenu(QMenu* menu) {
    file_->setMenu(menu);
}

void TrainHeader::setImportMenu(QMenu* menu) {
    import_->setMenu(menu);
}

void TrainHeader::setNewRunEnabled(bool enabled, const QString& reason) {
    new_run_->setEnabled(enabled);
    new_run_->setToolTip(enabled ? QString() : reason);
}

void TrainHeader::setFile(const QString& file) {
    file_->setText(file.isEmpty() ? tr("No runs file") : QFileInfo(file).fileName());
    file_->setToolTip(file);
}

} // namespace fulgurite
