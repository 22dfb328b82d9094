// SPDX-License-Identifier: GPL-3.0-or-later
// All layers of an embedder in a row: violet squares lightning, amber circles softmax; a layer whose heads are not
// stored is hollow. Left and Right step over the stored ones.
#pragma once

#include <QWidget>

#include <string>
#include <vector>

namespace fulgurite {

class ThemeManager;

class LayerStrip : public QWidget {
    Q_OBJECT

  public:
    explicit LayerStrip(ThemeManager& themes, QWidget* parent = nullptr);

    void setLayers(const std::vector<std::string>& kinds, const std::vector<int>& stored);
    void setLayer(int layer);
    int layer() const { return layer_; }
    QSize sizeHint() const override { return {200, 26}; }

  signals:
    void chosen(int layer);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    bool event(QEvent* event) override;

  private:
    bool isStored(int layer) const;
    QRectF cell(int layer) const;
    int layerAt(double x) const;
    void choose(int layer);
    QString describe(int layer) const;

    ThemeManager& themes_;
    std::vector<std::string> kinds_;
    std::vector<int> stored_;
    int layer_ = -1;
};

} // namespace fulgurite
