// SPDX-License-Identifier: GPL-3.0-or-later
// The files that go with the message that is being written, as chips; a click or Delete takes one out.
#pragma once

#include "ui/base/theme_manager.h"
#include "ui/prompt/attachments.h"

#include <QWidget>

namespace fulgurite {

class FlowLayout;

class AttachmentRow : public QWidget {
    Q_OBJECT

  public:
    explicit AttachmentRow(ThemeManager& themes, QWidget* parent = nullptr);

    const QList<Attachment>& attachments() const { return attachments_; }
    void setAttachments(const QList<Attachment>& attachments); // changed() is not emitted
    // Reads them on a worker; each appears when it is there, and what cannot be attached is told.
    void attach(const QStringList& paths);

  signals:
    void changed();
    void failed(const QString& message);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void take(const client::Outcome<Attachment>& read);
    void removeAt(qsizetype index);
    void rebuild();

    ThemeManager& themes_;
    FlowLayout* chips_;
    QList<Attachment> attachments_;
};

} // namespace fulgurite
