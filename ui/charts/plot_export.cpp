// SPDX-License-Identifier: GPL-3.0-or-later
// The menu of charts and maps: pictures, data, table.
#include "ui/charts/plot_view.h"

#include <QApplication>
#include <QBuffer>
#include <QClipboard>
#include <QContextMenuEvent>
#include <QFileDialog>
#include <QImage>
#include <QMenu>
#include <QMessageBox>
#include <QPainter>
#include <QSaveFile>
#include <QSvgGenerator>

namespace fulgurite {

QImage PlotView::picture(qreal pixel_ratio) {
    QImage image((QSizeF(size()) * pixel_ratio).toSize(), QImage::Format_ARGB32_Premultiplied);
    image.setDevicePixelRatio(pixel_ratio);
    image.fill(Qt::transparent);
    QPainter painter(&image);
    paintAll(painter);
    return image;
}

QByteArray PlotView::svg() {
    QByteArray bytes;
    QBuffer buffer(&bytes);
    QSvgGenerator generator;
    generator.setOutputDevice(&buffer);
    generator.setSize(size());
    generator.setViewBox(rect());
    generator.setTitle(name_);
    generator.setDescription(accessibleDescription());
    QPainter painter(&generator);
    paintAll(painter);
    painter.end();
    return bytes;
}

QString PlotView::suggestedFile(const char* suffix) const {
    return QString(name_).toLower().replace(u' ', u'-') + QLatin1String(suffix);
}

void PlotView::copyPicture() {
    QApplication::clipboard()->setImage(picture());
}

void PlotView::copyData() {
    QApplication::clipboard()->setText(twinAsTabs(table()));
}

void PlotView::savePicture() {
    QString path =
        QFileDialog::getSaveFileName(this, tr("Save the picture"), suggestedFile(".png"),
                                     tr("PNG, twice the size (*.png);;SVG, for print and editing (*.svg)"));
    if (path.isEmpty()) {
        return;
    }
    QSaveFile file(path);
    const bool vector = path.endsWith(QLatin1String(".svg"), Qt::CaseInsensitive);
    bool written = file.open(QIODevice::WriteOnly);
    if (written) {
        written = vector ? file.write(svg()) >= 0 : picture().save(&file, "PNG");
    }
    if (!written || !file.commit()) {
        QMessageBox::warning(this, tr("Not saved"),
                             tr("%1 could not be written: %2. Choose another folder or free some space.")
                                 .arg(path, file.errorString()));
    }
}

void PlotView::saveData() {
    saveTwin(this, table());
}

void PlotView::showTable() {
    auto* dialog = new TableTwinDialog(themes_, table(), this);
    dialog->show();
}

void PlotView::contextMenuEvent(QContextMenuEvent* event) {
    QMenu menu(this);
    addToMenu(menu);
    if (!menu.isEmpty()) {
        menu.addSeparator();
    }
    const auto add = [&menu, this](const char* icon, const QString& title, const QString& keys, auto run) {
        QAction* action = menu.addAction(themes_.icon(QLatin1String(icon)), title, this, run);
        // Shown, not bound: the view itself takes the keys while it has the focus.
        if (!keys.isEmpty()) {
            action->setText(title + u'\t' + keys);
        }
        return action;
    };
    add("fit", tr("Fit"), tr("F"), [this] { fit(); })->setEnabled(!fitted());
    add("table", tr("Show as a table"), tr("T"), [this] { showTable(); });
    menu.addSeparator();
    add("copy", tr("Copy the picture"), tr("Ctrl+Shift+C"), [this] { copyPicture(); });
    add("copy", tr("Copy the data"), tr("Ctrl+C"), [this] { copyData(); });
    add("save", tr("Save the picture as PNG or SVG…"), {}, [this] { savePicture(); });
    add("export", tr("Save the data as CSV…"), {}, [this] { saveData(); });
    menu.exec(event->globalPos());
}

} // namespace fulgurite
