// SPDX-License-Identifier: GPL-3.0-or-later
// Asks what a new collection is called, what embeds it (one that the engine offers, or any checkpoint folder),
// which heads are stored, and what becomes of long documents.
#pragma once

#include "core/client/retrieval_types.h"

#include <QDialog>

class QComboBox;
class QDialogButtonBox;
class QLabel;
class QLineEdit;
class QSpinBox;

namespace fulgurite {

class CollectionDialog : public QDialog {
    Q_OBJECT

  public:
    // `name`: what to begin with.
    explicit CollectionDialog(const QString& name, QWidget* parent);

    void setEmbedders(const std::vector<client::EmbedderInfo>& embedders);
    // What the engine says of the folder that was asked about; it is chosen then.
    void addEmbedder(const client::EmbedderInfo& embedder);
    client::NewCollection wanted() const;

  signals:
    void folderWanted(const QString& folder);

  private:
    QLayout* folderRow();
    void lookAtFolder();
    const client::EmbedderInfo* embedder() const;
    QString problem() const; // empty: a collection can be made
    void describe();

    std::vector<client::EmbedderInfo> embedders_;
    QLineEdit* name_;
    QComboBox* embedder_;
    QLineEdit* folder_;
    QComboBox* layers_;
    QComboBox* place_;
    QComboBox* dtype_;
    QSpinBox* chunk_;
    QLabel* note_;
    QDialogButtonBox* buttons_;
};

} // namespace fulgurite
