// SPDX-License-Identifier: GPL-3.0-or-later
// Which of the stored heads are searched: the collection's embedder, the layer, and where in it they were taken.
#pragma once

#include "core/client/retrieval_types.h"

#include <QWidget>

class QComboBox;
class QLabel;

namespace fulgurite {

class LayerStrip;
class ThemeManager;

// "after norm and gate" for the names that the engine uses.
QString placeTitle(const std::string& place);

class EmbedderPanel : public QWidget {
    Q_OBJECT

  public:
    EmbedderPanel(ThemeManager& themes, QWidget* parent = nullptr);

    void setCollection(const client::Collection* collection, const client::HeadPlace& place); // null: none
    LayerStrip& strip() { return *strip_; }

  signals:
    void placeChosen(const fulgurite::client::HeadPlace& place);

  private:
    void choose(int layer, const QString& place);

    QLabel* model_;
    QLabel* layer_;
    LayerStrip* strip_;
    QLabel* kinds_;
    QComboBox* places_;
    std::vector<client::HeadPlace> stored_;
    client::HeadPlace place_;
};

} // namespace fulgurite
