// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/new_line.h"

#include "ui/conversation/request_builder.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace fulgurite {

namespace {

constexpr const char* kNewLineName = "conversation/0";

void copyNode(Workspace& workspace, ConversationId from, ConversationId to) {
    if (const auto node = workspace.value(ValueKind::Setting, nodeValueName(from))) {
        workspace.setValue(ValueKind::Setting, nodeValueName(to), *node);
    }
}

} // namespace

std::string nodeValueName(ConversationId id) {
    return "node/" + std::to_string(id);
}

NewLine readNewLine(Workspace& workspace) {
    const std::string json = workspace.value(ValueKind::Setting, kNewLineName).value_or("{}");
    const QJsonObject object = QJsonDocument::fromJson(QByteArray::fromStdString(json)).object();
    NewLine line;
    line.system_prompt = object["system_prompt"].toString().toStdString();
    line.raw = object["raw"].toBool();
    if (object.contains("sampler")) {
        line.sampler = QJsonDocument(object["sampler"].toObject()).toJson(QJsonDocument::Compact).toStdString();
    }
    return line;
}

void keepNewLine(Workspace& workspace, const NewLine& line) {
    if (line == NewLine{}) {
        workspace.removeValue(ValueKind::Setting, kNewLineName);
        return;
    }
    QJsonObject object{{"system_prompt", QString::fromStdString(line.system_prompt)}, {"raw", line.raw}};
    if (line.sampler) {
        object["sampler"] = QJsonDocument::fromJson(QByteArray::fromStdString(*line.sampler)).object();
    }
    workspace.setValue(ValueKind::Setting, kNewLineName,
                       QJsonDocument(object).toJson(QJsonDocument::Compact).toStdString());
}

NewConversation newConversationAsKept(Workspace& workspace) {
    const NewLine line = readNewLine(workspace);
    NewConversation fresh;
    fresh.raw = line.raw;
    fresh.system_prompt = line.system_prompt;
    fresh.settings =
        line.sampler ? *line.sampler : workspace.value(ValueKind::Setting, "sampler").value_or(kNoSampler);
    return fresh;
}

void handOverNewLine(Workspace& workspace, ConversationId id) {
    copyNode(workspace, 0, id);
    workspace.removeValue(ValueKind::Setting, nodeValueName(0));
    keepNewLine(workspace, {});
}

bool takeBackNewLine(Workspace& workspace, ConversationId id) {
    if (readNewLine(workspace) != NewLine{}) {
        return false;
    }
    const Conversation gone = workspace.conversations().conversationOrRemoved(id);
    keepNewLine(workspace, {gone.system_prompt, gone.raw, gone.settings});
    if (!workspace.value(ValueKind::Setting, nodeValueName(0))) {
        copyNode(workspace, id, 0); // its own, too, for when it comes back
    }
    return true;
}

void handOverAgain(Workspace& workspace, ConversationId id) {
    const Conversation back = workspace.conversations().conversation(id);
    if (readNewLine(workspace) == NewLine{back.system_prompt, back.raw, back.settings}) {
        keepNewLine(workspace, {});
    }
    const auto node = workspace.value(ValueKind::Setting, nodeValueName(0));
    if (node && node == workspace.value(ValueKind::Setting, nodeValueName(id))) {
        workspace.removeValue(ValueKind::Setting, nodeValueName(0));
    }
}

} // namespace fulgurite
