// SPDX-License-Identifier: GPL-3.0-or-later
// Asks what a new collection is called, what embeds it, and which heads are stored.
#pragma once

#include "core/client/retrieval_types.h"

#include <QDialog>

class QComboBox;
class QDialogButtonBox;
class QLabel;
class QLineEdit;

namespace fulgurite {

class CollectionDialog : public QDialog {
    Q_OBJECT

  public:
    // `name`: what to begin with.
    explicit CollectionDialog(const QString& name, QWidget* parent);

    void setEmbedders(const std::vector<client::EmbedderInfo>& embedders);
    client::NewCollection wanted() const;

  private:
    const client::EmbedderInfo* embedder() const;
    void describe();

    std::vector<client::EmbedderInfo> embedders_;
    QLineEdit* name_;
    QComboBox* embedder_;
    QComboBox* layers_;
    QComboBox* place_;
    QComboBox* dtype_;
    QLabel* note_;
    QDialogButtonBox* buttons_;
};

} // namespace fulgurite
