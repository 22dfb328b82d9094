// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/conversation/new_line.h"

#include "ui/conversation/request_builder.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace fulgurite {

namespace {

constexpr const char* kNewLineName = "conversation/0";

void moveNode(Workspace& workspace, ConversationId from, ConversationId to) {
    if (const auto node = workspace.value(ValueKind::Setting, nodeValueName(from))) {
        workspace.setValue(ValueKind::Setting, nodeValueName(to), *node);
        workspace.removeValue(ValueKind::Setting, nodeValueName(from));
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
        line.sampler =
            QJsonDocument(object["sampler"].toObject()).toJson(QJsonDocument::Compact).toStdString();
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
    moveNode(workspace, 0, id);
    keepNewLine(workspace, {});
}

bool takeBackNewLine(Workspace& workspace, ConversationId id) {
    if (readNewLine(workspace) != NewLine{}) {
        return false;
    }
    const Conversation gone = workspace.conversations().conversationOrRemoved(id);
    keepNewLine(workspace, {gone.system_prompt, gone.raw, gone.settings});
    if (!workspace.value(ValueKind::Setting, nodeValueName(0))) {
        moveNode(workspace, id, 0);
    }
    return true;
}

} // namespace fulgurite
