// SPDX-License-Identifier: GPL-3.0-or-later
// Text files that go with a message. A message is one text, for the model, the workspace, drafts and exports alike:
// what was typed, then each file under its name in a fenced block. The two directions are here.
#pragma once

#include "core/client/engine_types.h"

#include <QList>
#include <QString>

namespace fulgurite {

struct Attachment {
    QString name; // of the file, without its folder
    QString text; // ends with a line break unless empty
    bool operator==(const Attachment&) const = default;
};

inline constexpr qint64 kMostAttachmentBytes = 256 * 1024; // of one file
inline constexpr qint64 kMostAttachedBytes = 1024 * 1024;  // of a message

// Reads a text file, on any thread. Errors name the file and the remedy: too large, no UTF-8 text, not readable.
client::Outcome<Attachment> readAttachment(const QString& path);

// Characters of the files; an estimate of their bytes that is exact for ASCII.
qint64 attachedSize(const QList<Attachment>& attachments);

struct ComposedMessage {
    QString text;
    QList<Attachment> attachments;
};
QString joinMessage(const ComposedMessage& message);
// What joinMessage() was given, when it made `message`; any other text comes back as it is.
ComposedMessage splitMessage(const QString& message);

} // namespace fulgurite
