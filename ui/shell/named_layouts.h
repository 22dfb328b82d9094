// SPDX-License-Identifier: GPL-3.0-or-later
// Arrangements of the window that a person gave names: the panels of each page and the page in front, in one small
// file beside the session.
#pragma once

#include <QJsonObject>
#include <QString>
#include <QStringList>

namespace fulgurite {

class NamedLayouts {
  public:
    // `version` of the panels; layouts of another one are left aside, and the file with them.
    NamedLayouts(QString file, int version);

    QStringList names() const; // in the order of the alphabet
    QJsonObject layout(const QString& name) const;
    // False: the file cannot be written; nothing is changed.
    bool save(const QString& name, const QJsonObject& layout);
    bool remove(const QString& name);

  private:
    bool write(const QJsonObject& layouts);

    QString file_;
    int version_;
    QJsonObject layouts_;
};

} // namespace fulgurite
