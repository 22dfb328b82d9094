// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/attachment_row.h"

#include "ui/base/background.h"
#include "ui/base/format.h"
#include "ui/prompt/flow_layout.h"

#include <QKeyEvent>
#include <QPushButton>

namespace fulgurite {
namespace {

constexpr int kTipCharacters = 400;

} // namespace

AttachmentRow::AttachmentRow(ThemeManager& themes, QWidget* parent)
    : QWidget(parent), themes_(themes), chips_(new FlowLayout(this)) {
    setAccessibleName(tr("Attached files"));
    hide();
}

void AttachmentRow::setAttachments(const QList<Attachment>& attachments) {
    if (attachments != attachments_) {
        attachments_ = attachments;
        rebuild();
    }
}

void AttachmentRow::attach(const QStringList& paths) {
    for (const QString& path : paths) {
        inBackground(
            this, [path] { return readAttachment(path); },
            [this](const client::Outcome<Attachment>& read) { take(read); });
    }
}

void AttachmentRow::take(const client::Outcome<Attachment>& read) {
    if (!read.ok()) {
        emit failed(QString::fromUtf8(read.error().what()));
        return;
    }
    if (attachedSize(attachments_) + read.value().text.size() > kMostAttachedBytes) {
        emit failed(tr("%1 was not attached: with it the files of this message would exceed %2")
                        .arg(read.value().name, bytesText(kMostAttachedBytes)));
        return;
    }
    attachments_ << read.value();
    rebuild();
    emit changed();
}

void AttachmentRow::removeAt(qsizetype index) {
    attachments_.removeAt(index);
    rebuild();
    emit changed();
}

void AttachmentRow::rebuild() {
    while (QLayoutItem* item = chips_->takeAt(0)) {
        item->widget()->deleteLater(); // one of them may be the sender
        delete item;
    }
    for (qsizetype i = 0; i < attachments_.size(); ++i) {
        const Attachment& each = attachments_[i];
        auto* chip =
            new QPushButton(themes_.icon(QStringLiteral("file"), Role::Muted),
                            QStringLiteral("%1  %2  ×").arg(each.name, bytesText(each.text.toUtf8().size())));
        chip->setProperty("kind", "chip");
        chip->setAccessibleName(tr("%1, attached; press to take it out").arg(each.name));
        chip->setToolTip(tr("Click or Delete takes it out.\n\n%1").arg(each.text.left(kTipCharacters)));
        chip->installEventFilter(this);
        connect(chip, &QPushButton::clicked, this, [this, i] { removeAt(i); });
        chips_->addWidget(chip);
    }
    setVisible(!attachments_.isEmpty());
    updateGeometry();
}

bool AttachmentRow::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Delete || key == Qt::Key_Backspace) {
            static_cast<QPushButton*>(watched)->click();
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace fulgurite
