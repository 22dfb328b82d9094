// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/base/csv.h"

#include <QCoreApplication>
#include <QFileDialog>
#include <QMessageBox>
#include <QSaveFile>

namespace fulgurite {

QString csvLine(const QStringList& fields) {
    QStringList quoted;
    for (const QString& field : fields) {
        const bool needs =
            field.contains(u',') || field.contains(u'"') || field.contains(u'\n') || field.contains(u'\r');
        quoted +=
            needs ? u'"' + QString(field).replace(QStringLiteral("\""), QStringLiteral("\"\"")) + u'"' : field;
    }
    return quoted.join(u',') + u'\n';
}

QString csvNumber(double value) {
    return QString::number(value, 'g', 8);
}

void saveCsv(QWidget* parent, const QString& suggested_name, const QString& csv) {
    const QString path =
        QFileDialog::getSaveFileName(parent, QCoreApplication::translate("fulgurite", "Save as CSV"),
                                     suggested_name, QCoreApplication::translate("fulgurite", "CSV files (*.csv)"));
    if (path.isEmpty()) {
        return;
    }
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(csv.toUtf8()) < 0 || !file.commit()) {
        QMessageBox::warning(parent, QCoreApplication::translate("fulgurite", "Not saved"),
                             QCoreApplication::translate("fulgurite", "%1 could not be written: %2. Choose another "
                                                                      "folder or free some space.")
                                 .arg(path, file.errorString()));
    }
}

} // namespace fulgurite
