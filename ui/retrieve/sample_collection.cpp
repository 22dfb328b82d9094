// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/retrieve/sample_collection.h"

#include "core/base/error.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QHash>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>
#include <QSaveFile>

namespace fulgurite {
namespace {

const QString kQueries = QStringLiteral(":/fulgurite/retrieval/manual-queries.json");

QByteArray contents(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        fail(ErrorKind::Io, "{}: {}", path.toStdString(), file.errorString().toStdString());
    }
    return file.readAll();
}

void write(const QString& path, const QByteArray& bytes) {
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size() || !file.commit()) {
        fail(ErrorKind::Io, "{}: {}", path.toStdString(), file.errorString().toStdString());
    }
}

} // namespace

std::vector<ManualSection> manualSections(const QString& markdown) {
    static const QRegularExpression kHeading(QStringLiteral("^(#{1,3})\\s+(.+?)\\s*$"));
    static const QRegularExpression kComment(QStringLiteral("<!--.*?-->"),
                                             QRegularExpression::DotMatchesEverythingOption);
    std::vector<ManualSection> sections;
    QString page;
    ManualSection section;
    const auto close = [&] {
        section.text = section.text.trimmed();
        if (!section.text.isEmpty() && !page.isEmpty()) {
            sections.push_back(section);
        }
        section = {};
    };
    bool code = false;
    for (const QString& line : QString(markdown).remove(kComment).split(u'\n')) {
        code = line.startsWith(QStringLiteral("```")) ? !code : code;
        const QRegularExpressionMatch heading = kHeading.match(line);
        if (code || !heading.hasMatch()) {
            section.text += line + u'\n';
            continue;
        }
        close();
        const QString name = heading.captured(2).remove(u'`');
        if (heading.capturedLength(1) == 1) {
            page = name;
        }
        section.title = heading.capturedLength(1) == 1 ? name : page + QStringLiteral(": ") + name;
        section.label = page;
    }
    close();
    return sections;
}

QStringList writeSampleCollection(const QString& guide, const QString& folder) {
    QStringList pages;
    QDirIterator files(QDir(guide).filePath(QStringLiteral("..")), {QStringLiteral("*.md")}, QDir::Files,
                       QDirIterator::Subdirectories);
    while (files.hasNext()) {
        pages << files.next();
    }
    pages.sort();
    QJsonArray documents;
    QHash<QString, int> seen; // two headings of a page may have one name; documents are told apart by title
    for (const QString& page : std::as_const(pages)) {
        for (const ManualSection& section : manualSections(QString::fromUtf8(contents(page)))) {
            const int before = seen[section.title]++;
            const QString title =
                before == 0 ? section.title : QStringLiteral("%1 (%2)").arg(section.title).arg(before + 1);
            documents << QJsonObject{{"title", title}, {"text", section.text}, {"label", section.label}};
        }
    }
    if (documents.isEmpty()) {
        fail(ErrorKind::NotFound, "{}: no pages of the manual", guide.toStdString());
    }
    if (!QDir().mkpath(folder)) {
        fail(ErrorKind::Io, "cannot make the folder {}", folder.toStdString());
    }
    const QString manual = QDir(folder).filePath(QStringLiteral("manual.json"));
    const QString queries = QDir(folder).filePath(QStringLiteral("manual-queries.json"));
    write(manual, QJsonDocument(documents).toJson(QJsonDocument::Compact));
    write(queries, contents(kQueries));
    return {manual, queries};
}

} // namespace fulgurite
