// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the placeholders of application.qss.
#include "ui/base/style_sheet.h"

#include "ui/base/theme_manager.h"

#include <QDir>
#include <QFile>
#include <QHash>
#include <QRegularExpression>
#include <QTemporaryDir>

namespace fulgurite {
namespace {

QColor colorOf(const ThemeManager& themes, const QString& name) {
    for (int i = 0; i < static_cast<int>(Role::Count); ++i) {
        if (roleName(static_cast<Role>(i)) == name)
            return themes.color(static_cast<Role>(i));
    }
    qFatal("application.qss: the theme has no role \"%s\"", qUtf8Printable(name));
}

// Style sheets take pictures by path only, so recoloured icons go to a folder that lives as long as the program.
QString iconPath(const ThemeManager& themes, const QString& name, const QString& role) {
    static const QTemporaryDir folder;
    const QColor color = colorOf(themes, role);
    const QString path = folder.filePath(name + QLatin1Char('-') + color.name().mid(1) + QStringLiteral(".svg"));
    if (!QFile::exists(path)) {
        QFile source(QStringLiteral(":/fulgurite/icons/%1.svg").arg(name));
        QFile target(path);
        if (source.open(QIODevice::ReadOnly) && target.open(QIODevice::WriteOnly))
            target.write(source.readAll().replace("currentColor", color.name().toLatin1()));
    }
    return path;
}

QString replacement(const ThemeManager& themes, const QRegularExpressionMatch& match) {
    if (match.hasCaptured(1))
        return iconPath(themes, match.captured(1), match.captured(2));
    if (match.hasCaptured(3))
        return QString::number(themes.scaled(match.captured(3).toDouble())) + QStringLiteral("px");
    return colorOf(themes, match.captured(4)).name();
}

} // namespace

QString applicationStyleSheet(const ThemeManager& themes) {
    QFile file(QStringLiteral(":/fulgurite/themes/application.qss"));
    if (!file.open(QIODevice::ReadOnly))
        qFatal("application.qss is missing from the program");
    QString source = QString::fromUtf8(file.readAll());
    source.remove(0, source.indexOf(QStringLiteral("*/")) + 2); // the comment explains the placeholders by name
    static const QRegularExpression placeholder(
        QStringLiteral("@icon\\(([a-z-]+), ([a-z_]+)\\)|@([0-9.]+)px|@([a-z_0-9]+)"));
    QString result;
    result.reserve(source.size() * 2);
    qsizetype position = 0;
    auto matches = placeholder.globalMatch(source);
    while (matches.hasNext()) {
        const QRegularExpressionMatch match = matches.next();
        result += QStringView(source).mid(position, match.capturedStart() - position);
        result += replacement(themes, match);
        position = match.capturedEnd();
    }
    result += QStringView(source).mid(position);
    return result;
}

} // namespace fulgurite
