// SPDX-License-Identifier: GPL-3.0-or-later
// Conversations that leave the workspace as files, that come from files, and copies of them.
#include "ui/conversation/conversation_controller.h"

#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/store/conversation_export.h"

#include <QFile>
#include <QFileInfo>

#include <optional>

namespace fulgurite {

void ConversationController::duplicate(qint64 id) {
    change([id](StoreSession& session) -> std::optional<ConversationId> {
        session.flush(); // tokens of an answer that is being written
        Workspace& workspace = session.workspace();
        const std::string text = exportJson(workspace, std::vector<ConversationId>{id});
        ConversationId copy = 0;
        workspace.journal().asOneStep("Duplicate conversation", std::nullopt, [&] {
            copy = importJson(workspace, text, "copy").front();
            workspace.conversations().rename(
                copy, tr("%1 (copy)")
                          .arg(QString::fromStdString(workspace.conversations().conversation(copy).title))
                          .toStdString());
        });
        return copy;
    });
}

void ConversationController::exportTo(const QString& file, const QList<qint64>& conversations) {
    const bool markdown = QFileInfo(file).suffix().compare(QLatin1String("md"), Qt::CaseInsensitive) == 0;
    store_.ask<bool>(
        this,
        [file, conversations, markdown](StoreSession& session) {
            // Tokens of an answer that is being written. A disk without room for them may be why this is asked for.
            std::optional<Error> refusal;
            try {
                session.flush();
            } catch (const Error& error) {
                refusal = error;
            }
            const std::vector<ConversationId> ids(conversations.begin(), conversations.end());
            std::string text;
            if (markdown) {
                for (const ConversationId id : ids) {
                    text += (text.empty() ? "" : "\n") + exportMarkdown(session.workspace(), id);
                }
            } else {
                text = exportJson(session.workspace(), ids);
            }
            writeFileAtomically(QFile::encodeName(file).toStdString(), text);
            if (refusal) {
                throw Error(refusal->kind(), tr("Exported to %1 without the words that are not saved yet: %2")
                                                 .arg(file, QString::fromUtf8(refusal->what()))
                                                 .toStdString());
            }
            return true;
        },
        [this, file](bool) { emit exported(file); });
}

void ConversationController::importFrom(const QString& file) {
    change([file](StoreSession& session) -> std::optional<ConversationId> {
        const std::string text = readTextFile(QFile::encodeName(file).toStdString());
        const std::string name = file.toStdString();
        if (QFileInfo(file).suffix().compare(QLatin1String("md"), Qt::CaseInsensitive) == 0) {
            return importMarkdown(session.workspace(), text, name);
        }
        const std::vector<ConversationId> ids = importJson(session.workspace(), text, name);
        return ids.empty() ? std::nullopt : std::optional(ids.front());
    });
}

} // namespace fulgurite
