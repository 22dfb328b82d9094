// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/cascade/image_preview.h"

#include "ui/base/format.h"
#include "ui/cascade/cascade_search.h"

#include <QLabel>
#include <QPointer>
#include <QVBoxLayout>

namespace fulgurite {
namespace {

constexpr int kPreviewSide = 1024; // pixels that are asked for

} // namespace

ImagePreview::ImagePreview(CascadeSearch& search, client::ImageId image, QWidget* parent) : QDialog(parent) {
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowTitle(tr("Image %1").arg(image));
    picture_ = new QLabel;
    picture_->setAlignment(Qt::AlignCenter);
    picture_->setMinimumSize(320, 320);
    picture_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Ignored);
    facts_ = new QLabel;
    facts_->setProperty("tone", "muted");
    facts_->setWordWrap(true);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    auto* rows = new QVBoxLayout(this);
    rows->addWidget(picture_, 1);
    rows->addWidget(facts_);
    resize(720, 760);
    if (!search.client() || !search.library())
        return;
    const QPointer<ImagePreview> self(this);
    search.client()->thumbnail(
        search.library()->id, image, kPreviewSide, search.onWindow<std::string>([self](const auto& outcome) {
            if (!self)
                return;
            if (outcome.ok() && self->pixmap_.loadFromData(QByteArray::fromStdString(outcome.value())))
                self->fit();
            else
                self->picture_->setText(outcome.ok() ? tr("The picture cannot be shown.")
                                                     : QString::fromUtf8(outcome.error().what()));
        }));
    search.client()->image(
        search.library()->id, image, search.onWindow<client::ImageInfo>([self](const auto& outcome) {
            if (self && outcome.ok())
                self->facts_->setText(tr("%1\n%2 × %3 pixels, %4")
                                          .arg(QString::fromStdString(outcome.value().path))
                                          .arg(outcome.value().width)
                                          .arg(outcome.value().height)
                                          .arg(bytesText(static_cast<qint64>(outcome.value().bytes))));
        }));
}

void ImagePreview::fit() {
    if (!pixmap_.isNull())
        picture_->setPixmap(pixmap_.scaled(picture_->size(), Qt::KeepAspectRatio, Qt::SmoothTransformation));
}

void ImagePreview::resizeEvent(QResizeEvent* event) {
    QDialog::resizeEvent(event);
    fit();
}

} // namespace fulgurite
