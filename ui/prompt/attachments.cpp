// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/prompt/attachments.h"

#include "ui/base/format.h"

#include <QCoreApplication>
#include <QFile>
#include <QFileInfo>
#include <QStringDecoder>

#include <algorithm>

namespace fulgurite {
namespace {

constexpr qsizetype kLeastFence = 4;

QString text(const char* source) {
    return QCoreApplication::translate("fulgurite", source);
}

Error refused(const QString& name, const QString& why) {
    return Error(ErrorKind::InvalidInput, text("%1 was not attached: %2").arg(name, why).toStdString());
}

// Longer than any run of backticks inside, so that the block ends where the file does.
QString fenceFor(const QString& content) {
    qsizetype longest = kLeastFence - 1;
    qsizetype run = 0;
    for (const QChar c : content) {
        run = c == u'`' ? run + 1 : 0;
        longest = std::max(longest, run);
    }
    return QString(longest + 1, u'`');
}

bool isFence(QStringView line) {
    return line.size() >= kLeastFence && std::all_of(line.begin(), line.end(), [](QChar c) { return c == u'`'; });
}

// Where the line that ends before `end` begins.
qsizetype lineBefore(const QString& message, qsizetype end) {
    return end <= 0 ? 0 : message.lastIndexOf(u'\n', end - 1) + 1;
}

// Takes the last attachment off `message`, if it ends with one.
std::optional<Attachment> takeLast(QString& message) {
    const qsizetype close = lineBefore(message, message.size());
    const QString fence = message.mid(close);
    if (!isFence(fence) || close == 0) {
        return {};
    }
    const qsizetype open = message.lastIndexOf(u'\n' + fence + QStringLiteral("text\n"), close - 1);
    if (open < 0) {
        return {};
    }
    const qsizetype name = lineBefore(message, open);
    const QString heading = message.mid(name, open - name);
    const bool apart = name == 0 || message.mid(0, name).endsWith(QStringLiteral("\n\n"));
    if (heading.size() < 2 || !heading.endsWith(u':') || !apart) {
        return {};
    }
    const qsizetype begin = open + 1 + fence.size() + 5; // "text" and the line break
    Attachment found{heading.chopped(1), message.mid(begin, close - begin)};
    message.truncate(std::max<qsizetype>(0, name - 2));
    return found;
}

} // namespace

client::Outcome<Attachment> readAttachment(const QString& path) {
    const QFileInfo info(path);
    QFile file(path);
    if (!info.isFile() || !file.open(QIODevice::ReadOnly)) {
        return refused(info.fileName(), info.isFile() ? file.errorString() : text("it is no file"));
    }
    if (file.size() > kMostAttachmentBytes) {
        return refused(info.fileName(), text("it has %1, at most %2 can be attached; attach a part of it")
                                            .arg(bytesText(file.size()), bytesText(kMostAttachmentBytes)));
    }
    const QByteArray bytes = file.read(kMostAttachmentBytes + 1);
    QStringDecoder decoder(QStringDecoder::Utf8);
    QString content = decoder(bytes);
    if (decoder.hasError() || bytes.contains('\0')) {
        return refused(info.fileName(), text("it is not text in UTF-8; save it as such first"));
    }
    content.replace(QStringLiteral("\r\n"), QStringLiteral("\n"));
    if (!content.isEmpty() && !content.endsWith(u'\n')) {
        content += u'\n';
    }
    return Attachment{info.fileName().simplified(), content};
}

qint64 attachedSize(const QList<Attachment>& attachments) {
    qint64 size = 0;
    for (const Attachment& each : attachments) {
        size += each.text.size();
    }
    return size;
}

QString joinMessage(const ComposedMessage& message) {
    QString joined = message.text;
    for (const Attachment& each : message.attachments) {
        const QString fence = fenceFor(each.text);
        joined += (joined.isEmpty() ? QString() : QStringLiteral("\n\n")) + each.name + QStringLiteral(":\n") +
                  fence + QStringLiteral("text\n") + each.text + fence;
    }
    return joined;
}

ComposedMessage splitMessage(const QString& message) {
    ComposedMessage split{message, {}};
    while (const auto last = takeLast(split.text)) {
        split.attachments.prepend(*last);
    }
    return split;
}

} // namespace fulgurite
