// SPDX-License-Identifier: GPL-3.0-or-later
// Sample prompts are compiled into the program.
#include "ui/start/samples.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

namespace fulgurite {
namespace {

Role roleNamed(const QString& name) {
    for (int i = 0; i < static_cast<int>(Role::Count); ++i) {
        if (roleName(static_cast<Role>(i)) == name)
            return static_cast<Role>(i);
    }
    return Role::Accent;
}

} // namespace

QList<SamplePrompt> loadSamplePrompts() {
    QFile file(QStringLiteral(":/fulgurite/prompts/samples.json"));
    QList<SamplePrompt> samples;
    if (!file.open(QIODevice::ReadOnly))
        return samples;
    for (const QJsonValue value : QJsonDocument::fromJson(file.readAll())["samples"].toArray()) {
        const QJsonObject item = value.toObject();
        samples << SamplePrompt{.id = item["id"].toString(),
                                .category = item["category"].toString(),
                                .title = item["title"].toString(),
                                .prompt = item["prompt"].toString(),
                                .look = item["look"].toString(),
                                .mark = roleNamed(item["mark"].toString())};
    }
    return samples;
}

} // namespace fulgurite
