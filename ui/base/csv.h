// SPDX-License-Identifier: GPL-3.0-or-later
// Tables as comma separated values: always with a point as decimal sign, whatever the person's locale.
#pragma once

#include <QString>
#include <QStringList>

class QWidget;

namespace fulgurite {

// One line; fields with commas, quotes or line breaks are quoted.
QString csvLine(const QStringList& fields);
QString csvNumber(double value);

// Asks for a file and writes it whole or not at all. An error is shown to the person.
void saveCsv(QWidget* parent, const QString& suggested_name, const QString& csv);

} // namespace fulgurite
