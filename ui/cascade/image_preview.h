// SPDX-License-Identifier: GPL-3.0-or-later
// One image of the library as large as the window allows, with its file and size.
#pragma once

#include "core/client/cascade_types.h"

#include <QDialog>

class QLabel;

namespace fulgurite {

class CascadeSearch;

class ImagePreview : public QDialog {
    Q_OBJECT

  public:
    ImagePreview(CascadeSearch& search, client::ImageId image, QWidget* parent);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void fit();

    QLabel* picture_;
    QLabel* facts_;
    QPixmap pixmap_;
};

} // namespace fulgurite
